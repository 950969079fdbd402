#pragma once

#include "evaluator/program.h"
#include "primitives/expression.h"

#include <string>
#include <vector>

namespace normact::evaluator::standalone {

/// An elementwise instruction as an expression of C, in double or float: functions of the latter end in f.
primitives::Piece expression(const Instruction& instruction, const std::vector<primitives::Piece>& operands,
                             bool in_double);

/// A number of C.
primitives::Piece literal(double number, bool in_double);

/// Definitions of those functions that the code calls and <math.h> lacks. `qualifiers`: what stands before each.
std::string function_definitions(const std::string& code, const std::string& qualifiers);

}  // namespace normact::evaluator::standalone
