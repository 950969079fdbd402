#include "evaluator/cpu/vector_assembler.h"

#include <algorithm>
#include <bit>
#include <stdexcept>
#include <utility>

namespace normact::evaluator::cpu {

using Xbyak::Address;
using Xbyak::Opmask;
using Xbyak::Ymm;
using Xbyak::Zmm;

VectorAssembler::VectorAssembler(InstructionSet set, std::function<int()> temporary, std::function<void(int)> release)
    : Xbyak::CodeGenerator(4096, Xbyak::AutoGrow),
      set_(set),
      temporary_(std::move(temporary)),
      release_(std::move(release)) {
    masks_taken_[0] = true;  // k0 as a mask means all lanes
    masks_taken_[static_cast<std::size_t>(lasting_mask.number)] = true;
}

Vector VectorAssembler::vector(int number) const { return has_avx512() ? Vector(Zmm(number)) : Vector(Ymm(number)); }

Address VectorAssembler::constant(float value) { return constant_bits(std::bit_cast<std::uint32_t>(value)); }

Address VectorAssembler::constant_bits(std::uint32_t bits) {
    const auto [position, is_new] = constants_.emplace(bits, in_order_.size());
    if (is_new) in_order_.push_back(bits);
    return ptr[rip + pool_ + static_cast<int>(position->second) * bytes()];
}

Mask VectorAssembler::take_mask() {
    if (!has_avx512()) return {temporary_()};
    auto* const free = std::ranges::find(masks_taken_, false);
    if (free == masks_taken_.end()) throw std::logic_error("jit: out of mask registers");
    *free = true;
    return {static_cast<int>(free - masks_taken_.begin())};
}

void VectorAssembler::release_mask(Mask mask) {
    if (has_avx512())
        masks_taken_[static_cast<std::size_t>(mask.number)] = false;
    else
        release_(mask.number);
}

void VectorAssembler::compare(Mask to, Vector x, const Xbyak::Operand& y, Comparison comparison) {
    if (has_avx512())
        vcmpps(Opmask(to.number), x, y, comparison);
    else
        vcmpps(Ymm(to.number), x, y, comparison);
}

void VectorAssembler::select(Vector to, Mask where, const Xbyak::Operand& yes, Vector no) {
    if (has_avx512())
        vblendmps(to | Opmask(where.number), no, yes);
    else
        vblendvps(to, no, yes, Ymm(where.number));
}

void VectorAssembler::keep_where(Vector to, Mask where, const Xbyak::Operand& value) {
    if (has_avx512())
        vmovaps(to | Opmask(where.number) | T_z, value);
    else
        vandps(to, Ymm(where.number), value);
}

void VectorAssembler::load_where(Vector to, Mask where, const Address& from) {
    if (has_avx512())
        vmovups(to | Opmask(where.number) | T_z, from);
    else
        vmaskmovps(to, Ymm(where.number), from);
}

void VectorAssembler::store_where(const Address& to, Mask where, Vector from) {
    if (has_avx512())
        vmovups(to | Opmask(where.number), from);
    else
        vmaskmovps(to, Ymm(where.number), from);
}

void VectorAssembler::round(Vector to, Vector x) {
    constexpr std::uint8_t to_nearest = 0;
    if (has_avx512())
        vrndscaleps(to, x, to_nearest);
    else
        vroundps(to, x, to_nearest);
}

void VectorAssembler::widen(Vector low, Vector high) {
    const int l = low.getIdx(), h = high.getIdx();
    if (has_avx512()) {
        vextractf64x4(Ymm(h), Zmm(l), 1);
        vcvtps2pd(low, Ymm(l));
        vcvtps2pd(high, Ymm(h));
    } else {
        vextractf128(Xbyak::Xmm(h), Ymm(l), 1);
        vcvtps2pd(low, Xbyak::Xmm(l));
        vcvtps2pd(high, Xbyak::Xmm(h));
    }
}

void VectorAssembler::store_words(const Address& to, Vector from, Vector scratch) {
    if (has_avx512()) return vpmovdw(to, from);
    const Xbyak::Xmm low(from.getIdx()), high(scratch.getIdx());
    vextracti128(high, Ymm(from.getIdx()), 1);
    vpackusdw(low, low, high);
    vmovdqu(to, low);
}

void VectorAssembler::finish() {
    align(static_cast<std::size_t>(bytes()));
    L(pool_);
    for (const std::uint32_t bits : in_order_)
        for (int lane = 0; lane < lanes(); ++lane) dd(bits);
    ready(PROTECT_RE);
}

}  // namespace normact::evaluator::cpu
