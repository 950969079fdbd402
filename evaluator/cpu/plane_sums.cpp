#include "evaluator/cpu/plane_sums.h"

#include <algorithm>
#include <utility>

namespace normact::evaluator::cpu {
namespace {

using Temporary = VectorAssembler::Temporary;

constexpr std::size_t most_in_registers = 6;

}  // namespace

PlaneSums::PlaneSums(const PassCode& code, Layout layout, VectorAssembler& assembler, const Xbyak::Reg64& columns)
    : a_(assembler),
      memory_(layout == Layout::contiguous ? a_.rsp : columns),
      size_(code.plane_means.size() * static_cast<std::size_t>(assembler.parts())),
      in_registers_(layout == Layout::contiguous ? std::min(size_, most_in_registers) : 0) {}

void PlaneSums::clear() {
    for (std::size_t i = 0; i < in_registers_; ++i) {
        const Vector sum = a_.vector(static_cast<int>(i));
        a_.vxorps(sum, sum, sum);
    }
    if (in_registers_ == size_) return;
    const Temporary zero(a_);
    a_.vxorps(zero, zero, zero);
    for (std::size_t i = in_registers_; i < size_; ++i) a_.vmovups(in_memory(i), zero);
}

void PlaneSums::add(std::size_t sum, int part, Vector value, std::optional<Mask> mask) {
    const std::size_t i = sum * static_cast<std::size_t>(a_.parts()) + static_cast<std::size_t>(part);
    std::optional<Temporary> masked;
    if (mask) {
        masked.emplace(a_);
        a_.keep_where(*masked, *mask, value);
    }
    const Vector term = mask ? static_cast<Vector>(*masked) : value;
    if (i < in_registers_) {
        const Vector sum_register = a_.vector(static_cast<int>(i));
        return a_.vaddps(sum_register, sum_register, term);
    }
    const Temporary total(a_);
    a_.vaddps(total, term, in_memory(i));
    a_.vmovups(in_memory(i), total);
}

void PlaneSums::add_to(const Xbyak::Reg64& doubles) {
    const Temporary low(a_), high(a_);
    for (std::size_t i = 0; i < size_; ++i) {
        if (i < in_registers_)
            a_.vmovaps(low, a_.vector(static_cast<int>(i)));
        else
            a_.vmovups(low, in_memory(i));
        a_.widen(low, high);
        const int place = static_cast<int>(i) * 2 * a_.bytes();
        for (const auto& [half, at] : {std::pair<Vector, int>(low, place), {high, place + a_.bytes()}}) {
            a_.vaddpd(half, half, a_.ptr[doubles + at]);
            a_.vmovupd(a_.ptr[doubles + at], half);
        }
    }
}

Xbyak::Address PlaneSums::in_memory(std::size_t i) {
    return a_.ptr[memory_ + i * static_cast<std::size_t>(a_.bytes())];
}

}  // namespace normact::evaluator::cpu
