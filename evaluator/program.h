#pragma once

#include "evaluator/extent.h"
#include "evaluator/operation.h"
#include "primitives/primitive.h"

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace normact::evaluator {

/// The position of an instruction in its program.
using ValueId = std::uint32_t;

struct Instruction {
    Operation operation = Operation::constant;
    primitives::IndexSet over = primitives::IndexSet::none;  ///< of a mean
    Extent extent;
    std::array<ValueId, 3> operands{};  ///< those beyond the arity are 0; for an input its number
    double number = 0;                  ///< of a constant

    bool operator==(const Instruction&) const = default;
};
std::span<const ValueId> operands_of(const Instruction& instruction);

/// What comes from outside: x, a parameter, a gradient, a moment that an earlier program computed.
struct ProgramInput {
    std::string name;
    Extent extent;       ///< full, or channels, or that of a moment
    bool saved = false;  ///< a moment that an earlier program gave: in double, as it was computed
};

/// What a program gives.
struct ProgramOutput {
    enum class Form : std::uint8_t {
        tensor,     ///< [N,C,H,W], also where the value has a smaller extent
        table,      ///< as small as the value's extent: a moment
        batch_sum,  ///< [C]: the value, a mean over batch, times the number of elements: the gradient of a parameter
    };
    std::string name;
    ValueId value = 0;
    Form form = Form::tensor;
};

/// A computation over tensors [N,C,H,W] in single assignment: each instruction is one value, computed of earlier ones.
/// Every value is meant as a tensor of that shape, whose extent tells where it is known to be the same.
struct Program {
    std::vector<ProgramInput> inputs;
    std::vector<Instruction> instructions;
    std::vector<ProgramOutput> outputs;
};

/// An instruction, for people: "%4: nchw = multiply %0 %3".
std::string instruction_text(const Program& program, ValueId id);
/// One instruction a line.
std::string to_text(const Program& program);

/// For each instruction, whether an output depends on it.
std::vector<bool> live_instructions(const Program& program);
/// The same where an instruction reads other values than its operands: those that `reads` gives, all before it.
std::vector<bool> live_instructions(const Program& program,
                                    const std::function<std::span<const ValueId>(ValueId id)>& reads);

}  // namespace normact::evaluator
