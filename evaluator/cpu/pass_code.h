#pragma once

#include "evaluator/schedule.h"

#include <cstdint>
#include <vector>

namespace normact::evaluator::cpu {

/// What a step of a pass reads.
struct Operand {
    enum class Kind : std::uint8_t { input, kept, step, small_value, constant };
    Kind kind = Kind::constant;
    std::uint32_t number = 0;  ///< of the input, kept value, step, small value or constant
};

/// An elementwise operation.
struct Step {
    Operation operation;
    std::array<Operand, 3> operands;
};

/// A pass as the interpreter and the JIT compiler read it: inputs, small values and steps are numbered from 0.
struct PassCode {
    std::uint32_t inputs = 0, small_values = 0;
    std::uint32_t kept_values = 0;  ///< how many all passes of the block keep: an element has a place for each
    std::vector<float> constants;
    std::vector<Step> steps;
    std::vector<Operand> plane_means, outputs;  ///< what is added up, what is stored
    struct Keep {
        Operand value;
        std::uint32_t place;
    };
    std::vector<Keep> keeps;
};

/// `pass` is one of the sweep's, and the sweep one of the schedule's.
PassCode pass_code(const Schedule& schedule, const Sweep& sweep, const Pass& pass);

}  // namespace normact::evaluator::cpu
