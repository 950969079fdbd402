#pragma once

#include "evaluator/cpu/kernel.h"
#include "evaluator/cpu/vector_assembler.h"

#include <cstddef>
#include <optional>

namespace normact::evaluator::cpu {

/// What a pass adds up over planes. In float32, in the first registers as far as they are enough and else in memory;
/// from time to time in double, in the memory of the call. In channels_last each column has sums of its own, all in
/// memory.
class PlaneSums {
  public:
    /// `columns` holds the address of the sums of a column in channels_last.
    PlaneSums(const PassCode& code, Layout layout, VectorAssembler& assembler, const Xbyak::Reg64& columns);

    /// How many registers or places on the stack they take, each of a part of a vector.
    std::size_t size() const { return size_; }
    std::size_t in_registers() const { return in_registers_; }

    void clear();
    /// Only the lanes of the mask, if there is one.
    void add(std::size_t sum, int part, Vector value, std::optional<Mask> mask);
    /// Adds them to those in double.
    void add_to(const Xbyak::Reg64& doubles);

  private:
    Xbyak::Address in_memory(std::size_t i);

    VectorAssembler& a_;
    Xbyak::Reg64 memory_;
    std::size_t size_, in_registers_;
};

}  // namespace normact::evaluator::cpu
