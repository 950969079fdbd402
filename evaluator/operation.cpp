#include "evaluator/operation.h"

#include "primitives/definitions.h"

#include <array>

namespace normact::evaluator {
namespace {

namespace rows = primitives::rows;

/// In the order of Operation.
constexpr std::array<OperationRow, 17> table{{
    {Operation::input, "input", 0},
    {Operation::constant, "constant", 0},
    {Operation::mean, "mean", 1},
    {Operation::add, "add", 2, true, [](double a, double b, double) { return a + b; }},
    {Operation::subtract, "subtract", 2, false, [](double a, double b, double) { return a - b; }},
    {Operation::multiply, "multiply", 2, true, [](double a, double b, double) { return a * b; }},
    {Operation::divide, "divide", 2, false, [](double a, double b, double) { return a / b; }},
    {Operation::maximum, "maximum", 2, true, [](double a, double b, double) { return rows::maximum(a, b); }},
    {Operation::negate, "negate", 1, false, [](double a, double, double) { return -a; }},
    {Operation::abs, "abs", 1, false, [](double a, double, double) { return rows::abs(a); }},
    {Operation::sign, "sign", 1, false, [](double a, double, double) { return rows::sign(a); }},
    {Operation::sqrt, "sqrt", 1, false, [](double a, double, double) { return rows::sqrt(a); }},
    {Operation::log, "log", 1, false, [](double a, double, double) { return rows::log(a); }, true},
    {Operation::exp, "exp", 1, false, [](double a, double, double) { return rows::exp(a); }, true},
    {Operation::sigmoid, "sigmoid", 1, false, [](double a, double, double) { return rows::sigmoid(a); }, true},
    {Operation::tanh, "tanh", 1, false, [](double a, double, double) { return rows::tanh(a); }, true},
    {Operation::where_zero, "where_zero", 3, false, [](double a, double b, double c) { return a == 0.0 ? b : c; }},
}};

static_assert([] {
    for (std::size_t i = 0; i < table.size(); ++i)
        if (static_cast<std::size_t>(table[i].operation) != i) return false;
    return true;
}());

}  // namespace

const OperationRow& row_of(Operation operation) { return table[static_cast<std::size_t>(operation)]; }

}  // namespace normact::evaluator
