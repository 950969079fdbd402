#pragma once

#include "evaluator/cpu/kernel.h"
#include "evaluator/cpu/uses.h"
#include "evaluator/cpu/vector_assembler.h"

#include <array>
#include <cstddef>
#include <optional>
#include <vector>

namespace normact::evaluator::cpu {

/// A vector of a compiled kernel is as many registers, one cache line: in channels_last the next pixel lies a line or
/// more away.
inline constexpr int parts = 2;
inline constexpr int register_lanes = VectorAssembler::lanes;
inline constexpr int vector_bytes = register_lanes * 4;

/// Which general registers a pass finds its memory by.
struct PassRegisters {
    std::array<Xbyak::Reg64, most_tensors> tensors;  ///< where the inputs lie, then the outputs
    Xbyak::Reg64 offset;                             ///< from there to the vector
    Xbyak::Reg64 small_values;
    Xbyak::Reg64 kept;  ///< of this vector
};

/// Writes the body of a pass for a part of a vector and chooses its vector registers: all but the first `reserved`, and
/// those of the masks of a masked body. Values that find no register wait on the stack, behind the places for sums;
/// inputs, kept and small values and constants are simply read again.
class PassBody {
  public:
    /// All arguments must outlive it.
    PassBody(const PassCode& code, const Uses& uses, ElementType type, VectorAssembler& assembler,
             const PassRegisters& memory, std::size_t reserved, bool masked);

    // What the assembler's temporaries come from.
    int take_register();
    void release_register(int r) { taken_[r] = false; }

    /// The steps, for one part. Then, in the order of the pass, what is added up, stored and kept is loaded, each
    /// followed by next_step.
    void emit(int part);
    /// The value, in a register that stays until the next call.
    Xbyak::Ymm load(const Operand& value);
    void store(const Operand& value, std::size_t output);
    void keep(const PassCode::Keep& keep);
    void next_step() { drop_dead(++step_); }

    Xbyak::Ymm mask(int part) const { return Xbyak::Ymm(mask_ + part); }

  private:
    static constexpr int registers = 16;

    int take(int r);
    int find(const Operand& value) const;
    void spill(int r);
    void drop_dead(std::size_t step);

    Xbyak::Address tensor(std::size_t number);
    Xbyak::Address small_value(std::uint32_t number);
    Xbyak::Address kept(std::uint32_t place);
    Xbyak::Address slot(std::size_t step);

    void emit_load(Xbyak::Ymm to, const Operand& value);
    void emit_step(const Step& step);
    void emit_unary(Operation operation, Xbyak::Ymm to, Xbyak::Ymm x);
    template <typename Second>
    void emit_binary(Operation operation, Xbyak::Ymm to, Xbyak::Ymm x, const Second& y);
    template <typename Second>
    void emit_where(Xbyak::Ymm to, Xbyak::Ymm condition, const Second& yes, Xbyak::Ymm no);
    template <typename Emit>
    void with_operand(const Operand& value, Emit emit);
    void store_bfloat16(Xbyak::Ymm from, const Xbyak::Address& to);

    const PassCode& code_;
    const Uses& uses_;
    ElementType type_;
    VectorAssembler& a_;
    PassRegisters memory_;
    bool masked_;
    std::vector<bool> spilled_;
    std::array<bool, registers> taken_{}, pinned_{};
    std::array<std::optional<Operand>, registers> holds_{};
    std::size_t step_ = 0, first_slot_;
    int mask_, part_ = 0;
};

}  // namespace normact::evaluator::cpu
