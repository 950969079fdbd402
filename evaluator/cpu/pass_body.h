#pragma once

#include "evaluator/cpu/kernel.h"
#include "evaluator/cpu/uses.h"
#include "evaluator/cpu/vector_assembler.h"

#include <array>
#include <cstddef>
#include <optional>
#include <vector>

namespace normact::evaluator::cpu {

/// Which general registers a pass finds its memory by.
struct PassRegisters {
    std::array<Xbyak::Reg64, most_tensors> tensors;  ///< where the inputs lie, then the outputs
    Xbyak::Reg64 offset;                             ///< from there to the vector
    Xbyak::Reg64 small_values;
    Xbyak::Reg64 kept;  ///< of this vector
};

/// Writes the body of a pass for a part of a vector and chooses its vector registers: all but the first `reserved`. A
/// body with masks, one for each part, reads and writes only their lanes. Values that find no register wait on the
/// stack, behind the places for sums; inputs, kept and small values and constants are simply read again.
class PassBody {
  public:
    /// All arguments must outlive it.
    PassBody(const PassCode& code, const Uses& uses, ElementType type, VectorAssembler& assembler,
             const PassRegisters& memory, std::size_t reserved, std::vector<Mask> masks = {});

    // What the assembler's temporaries come from.
    int take_register();
    void release_register(int r) { taken_[r] = false; }

    /// The steps, for one part. Then, in the order of the pass, what is added up, stored and kept is loaded, each
    /// followed by next_step.
    void emit(int part);
    /// The value, in a register that stays until the next call.
    Vector load(const Operand& value);
    void store(const Operand& value, std::size_t output);
    void keep(const PassCode::Keep& keep);
    void next_step() { drop_dead(++step_); }

    bool is_masked() const { return !masks_.empty(); }
    Mask mask() const { return masks_[part_]; }

  private:
    int take(int r);
    int find(const Operand& value) const;
    void spill(int r);
    void drop_dead(std::size_t step);

    Xbyak::Address tensor(std::size_t number);
    Xbyak::Address small_value(std::uint32_t number);
    Xbyak::Address kept(std::uint32_t place);
    Xbyak::Address part_of(const Xbyak::Reg64& vectors, std::uint32_t number);
    Xbyak::Address slot(std::size_t step);

    void emit_load(Vector to, const Operand& value);
    void emit_step(const Step& step);
    void emit_unary(Operation operation, Vector to, Vector x);
    template <typename Second>
    void emit_binary(Operation operation, Vector to, Vector x, const Second& y);
    template <typename Second>
    void emit_where(Vector to, Vector condition, const Second& yes, Vector no);
    template <typename Emit>
    void with_operand(const Operand& value, Emit emit);
    void store_bfloat16(Vector from, const Xbyak::Address& to);

    const PassCode& code_;
    const Uses& uses_;
    ElementType type_;
    VectorAssembler& a_;
    PassRegisters memory_;
    std::vector<Mask> masks_;
    std::vector<bool> spilled_;
    std::array<bool, VectorAssembler::most_registers> taken_{}, pinned_{};
    std::array<std::optional<Operand>, VectorAssembler::most_registers> holds_{};
    std::size_t step_ = 0, first_slot_;
    int part_ = 0;
};

}  // namespace normact::evaluator::cpu
