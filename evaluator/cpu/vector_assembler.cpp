#include "evaluator/cpu/vector_assembler.h"

#include <bit>
#include <utility>

namespace normact::evaluator::cpu {

VectorAssembler::VectorAssembler(std::function<int()> temporary, std::function<void(int)> release)
    : Xbyak::CodeGenerator(4096, Xbyak::AutoGrow), temporary_(std::move(temporary)), release_(std::move(release)) {}

Xbyak::Address VectorAssembler::constant(float value) { return constant_bits(std::bit_cast<std::uint32_t>(value)); }

Xbyak::Address VectorAssembler::constant_bits(std::uint32_t bits) {
    const auto [position, is_new] = constants_.emplace(bits, in_order_.size());
    if (is_new) in_order_.push_back(bits);
    return ptr[rip + pool_ + static_cast<int>(position->second) * lanes * 4];
}

void VectorAssembler::finish() {
    align(32);
    L(pool_);
    for (const std::uint32_t bits : in_order_)
        for (int lane = 0; lane < lanes; ++lane) dd(bits);
    ready(PROTECT_RE);
}

}  // namespace normact::evaluator::cpu
