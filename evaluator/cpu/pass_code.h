#pragma once

#include "evaluator/schedule.h"

#include <cstdint>
#include <vector>

namespace normact::evaluator::cpu {

/// What a step of a pass reads.
struct Operand {
    enum class Kind : std::uint8_t { input, step, small_value, constant };
    Kind kind = Kind::constant;
    std::uint32_t number = 0;  ///< of the input, step, small value or constant
};

/// An elementwise operation.
struct Step {
    Operation operation;
    std::array<Operand, 3> operands;
};

/// A pass as the interpreter and the JIT compiler read it: inputs, small values and steps are numbered from 0.
struct PassCode {
    std::uint32_t inputs = 0, small_values = 0;
    std::vector<float> constants;
    std::vector<Step> steps;
    std::vector<Operand> plane_means, outputs;  ///< what is added up, what is stored
};

PassCode pass_code(const Schedule& schedule, const Pass& pass);

}  // namespace normact::evaluator::cpu
