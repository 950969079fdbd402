#pragma once

#include <cstdint>
#include <string_view>

namespace normact::evaluator {

/// What an instruction of a program does. Beside inputs, constants and means these are the operations that
/// primitives/definitions.h asks a value for; they are closed under differentiation.
enum class Operation : std::uint8_t {
    input,     ///< the value of an input
    constant,  ///< a number
    mean,      ///< over an index set, broadcast back: the projection P_S
    add,
    subtract,
    multiply,
    divide,
    maximum,  ///< NaN if an operand is
    negate,
    abs,
    sign,  ///< 0 for 0 and NaN
    sqrt,
    log,
    exp,
    sigmoid,
    tanh,
    where_zero,  ///< a == 0 ? b : c
};

/// One row of the table of operations.
struct OperationRow {
    Operation operation;
    std::string_view name;
    int arity;
    bool commutative = false;
    /// The value in double of as many operands as the arity says; null for input, constant and mean.
    double (*value)(double a, double b, double c) = nullptr;
    /// Takes a polynomial to compute, as long as a dozen of the others.
    bool transcendental = false;
};
const OperationRow& row_of(Operation operation);

}  // namespace normact::evaluator
