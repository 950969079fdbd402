#pragma once

#include "evaluator/program.h"

#include <array>
#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

namespace normact::evaluator {

/// Appends instructions to a program. Equal instructions are one, constants are folded, and what is simpler in every
/// case is written in its place: x·1, a mean of what is constant on its set, a factor that a mean need not carry. It
/// keeps NaN and infinity as they are, but for the mean of x − mean of x, which is 0.
class ProgramBuilder {
  public:
    ProgramBuilder() = default;
    /// Goes on with a program, whose instructions keep their positions.
    explicit ProgramBuilder(Program program);

    ValueId input(ProgramInput input);
    ValueId constant(double number);
    /// An elementwise operation with one to three operands.
    ValueId apply(Operation operation, ValueId a, ValueId b = 0, ValueId c = 0);
    ValueId mean(primitives::IndexSet set, ValueId a);
    void output(ProgramOutput output) { program_.outputs.push_back(std::move(output)); }

    const Instruction& operator[](ValueId id) const { return program_.instructions[id]; }
    Extent extent(ValueId id) const { return program_.instructions[id].extent; }
    const Program& program() const { return program_; }
    Program take() { return std::move(program_); }

  private:
    struct Hash {
        std::size_t operator()(const Instruction& instruction) const;
    };

    ValueId append(const Instruction& instruction);
    ValueId append_binary(Operation operation, ValueId a, ValueId b);
    ValueId operand(ValueId id, std::size_t which) const { return program_.instructions[id].operands[which]; }
    bool is(ValueId id, Operation operation) const { return program_.instructions[id].operation == operation; }
    bool has_small_factor(ValueId id) const;
    bool is_number(ValueId id, double number) const;
    bool is_small(ValueId id) const { return !extent(id).has_pixels(); }
    ValueId add(ValueId a, ValueId b);
    ValueId subtract(ValueId a, ValueId b);
    ValueId multiply(ValueId a, ValueId b);
    ValueId divide(ValueId a, ValueId b);
    ValueId negate(ValueId a);
    ValueId find_mean(primitives::IndexSet set, ValueId a);

    Program program_;
    std::unordered_map<Instruction, ValueId, Hash> positions_;
    /// What means came to: a graph may lead to one on more ways than there are values by far.
    std::map<std::pair<primitives::IndexSet, ValueId>, ValueId> means_;
};

/// Declares the inputs of another program, in their order. Gives their values.
std::vector<ValueId> copy_inputs(const Program& from, ProgramBuilder& to);

/// What stands for an instruction in a copy, given its operands there; nothing if the instruction itself does.
using Replacement = std::function<std::optional<ValueId>(ValueId id, const std::array<ValueId, 3>& operands)>;
/// Appends the live instructions of a program and its outputs. `inputs` stand for its inputs.
void copy_instructions(const Program& from, const std::vector<bool>& live, const std::vector<ValueId>& inputs,
                       ProgramBuilder& to, const Replacement& replacement);

}  // namespace normact::evaluator
