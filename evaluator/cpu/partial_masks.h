#pragma once

#include "evaluator/cpu/vector_assembler.h"

#include <cstddef>
#include <vector>

namespace normact::evaluator::cpu {

/// Masks of the lanes that the last vector of a row has, one for each of its parts. In AVX2 they wait on the stack,
/// since a whole vector needs all registers, and are loaded for the partial one.
class PartialMasks {
  public:
    /// In AVX2 they take the registers from `first` on, and wait from `stack` on, in bytes from rsp.
    PartialMasks(VectorAssembler& assembler, int first, int stack);

    const std::vector<Mask>& of_parts() const { return masks_; }
    /// How many vector registers they take.
    int registers() const { return a_.has_avx512() ? 0 : static_cast<int>(masks_.size()); }

    /// For this number of lanes. Overwrites rcx, r8 and the registers that the masks take.
    void prepare(const Xbyak::Address& lanes);
    void load();
    /// Writes what prepare() reads; behind the code.
    void write_table();

  private:
    VectorAssembler& a_;
    std::size_t bytes_, stack_;
    std::vector<Mask> masks_;
    Xbyak::Label table_;
};

}  // namespace normact::evaluator::cpu
