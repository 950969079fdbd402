#include "evaluator/standalone/expressions.h"

#include <array>
#include <charconv>
#include <cmath>
#include <stdexcept>
#include <string_view>

namespace normact::evaluator::standalone {
namespace {

using primitives::Binding;
using primitives::Notation;
using primitives::Piece;

constexpr primitives::Style style{.notation = &primitives::Primitive::text,
                                  .set = &primitives::IndexSetRow::name,
                                  .subtraction = {},
                                  .open = "(",
                                  .close = ")",
                                  .name = ""};

/// How operators are written; of a function its name alone.
struct Row {
    Operation operation;
    Notation notation;
};

constexpr std::array rows{
    Row{Operation::add, {"#1 + #2", Binding::sum, {Binding::sum, Binding::product}}},
    Row{Operation::subtract, {"#1 - #2", Binding::sum, {Binding::sum, Binding::product}}},
    Row{Operation::multiply, {"#1 * #2", Binding::product, {Binding::product, Binding::prefix}}},
    Row{Operation::divide, {"#1 / #2", Binding::product, {Binding::product, Binding::prefix}}},
    Row{Operation::negate, {"-#1", Binding::prefix, {Binding::power}}},
    Row{Operation::maximum, {"maximum"}},
    Row{Operation::abs, {"fabs"}},
    Row{Operation::sign, {"sign"}},
    Row{Operation::sqrt, {"sqrt"}},
    Row{Operation::log, {"log"}},
    Row{Operation::exp, {"exp"}},
    Row{Operation::sigmoid, {"sigmoid"}},
    Row{Operation::tanh, {"tanh"}},
    Row{Operation::where_zero, {"where_zero"}},
};

const Notation& notation_of(Operation operation) {
    for (const Row& row : rows)
        if (row.operation == operation) return row.notation;
    throw std::logic_error("standalone: not an elementwise operation");
}

struct Function {
    std::string_view name, parameters, body;  ///< N stands for the type, F for the ending of functions
};

constexpr std::array functions{
    Function{"maximum", "N a, N b", "a != a || a > b ? a : b;"},
    Function{"sign", "N a", "(N)((a > 0) - (a < 0));"},
    Function{"sigmoid", "N a", "1 / (1 + expF(-a));"},
    Function{"where_zero", "N a, N b, N c", "a == 0 ? b : c;"},
};

std::string of_type(std::string_view text, bool in_double) {
    std::string result;
    for (const char c : text) {
        if (c == 'N')
            result += in_double ? "double" : "float";
        else if (c == 'F')
            result += in_double ? "" : "f";
        else
            result += c;
    }
    return result;
}

}  // namespace

Piece expression(const Instruction& instruction, const std::vector<Piece>& operands, bool in_double) {
    const Notation& notation = notation_of(instruction.operation);
    if (notation.pattern.find('#') != std::string_view::npos) {
        const std::array<const Piece*, 2> inputs{operands.data(), &operands.back()};
        return {primitives::fill(notation, "", inputs, style), notation.binds};
    }
    std::string text(notation.pattern);
    text += in_double ? "(" : "f(";
    for (std::size_t i = 0; i < operands.size(); ++i) text += (i > 0 ? ", " : "") + operands[i].text;
    return {text + ")"};
}

Piece literal(double number, bool in_double) {
    const auto narrow = static_cast<float>(number);
    if (std::isnan(number)) return {"NAN"};
    const bool negative = std::signbit(number);
    const Binding binds = negative ? Binding::prefix : Binding::atom;
    if (std::isinf(in_double ? number : static_cast<double>(narrow)))
        return {negative ? "-INFINITY" : "INFINITY", binds};
    std::array<char, 40> buffer{};
    char* const end = in_double ? std::to_chars(buffer.data(), buffer.data() + buffer.size(), number).ptr
                                : std::to_chars(buffer.data(), buffer.data() + buffer.size(), narrow).ptr;
    std::string text(buffer.data(), end);
    if (text.find_first_of(".e") == std::string::npos) text += ".0";
    return {text + (in_double ? "" : "f"), binds};
}

std::string function_definitions(const std::string& code, const std::string& qualifiers) {
    std::string text;
    for (const Function& function : functions)
        for (const bool in_double : {false, true}) {
            const std::string name = std::string(function.name) + (in_double ? "" : "f") + "(";
            std::size_t found = code.find(name);
            while (found != std::string::npos && found > 0 &&
                   std::isalnum(static_cast<unsigned char>(code[found - 1])) != 0)
                found = code.find(name, found + 1);
            if (found == std::string::npos) continue;
            text += qualifiers + (in_double ? " double " : " float ") + name + of_type(function.parameters, in_double) +
                    ") { return " + of_type(function.body, in_double) + " }\n";
        }
    return text;
}

}  // namespace normact::evaluator::standalone
