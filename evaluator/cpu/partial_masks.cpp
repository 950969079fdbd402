#include "evaluator/cpu/partial_masks.h"

#include <cstddef>

namespace normact::evaluator::cpu {

PartialMasks::PartialMasks(VectorAssembler& assembler, int first, int stack)
    : a_(assembler), bytes_(static_cast<std::size_t>(assembler.bytes())), stack_(static_cast<std::size_t>(stack)) {
    if (a_.has_avx512())
        masks_ = {VectorAssembler::lasting_mask};
    else
        for (int part = 0; part < a_.parts(); ++part) masks_.push_back({first + part});
}

void PartialMasks::prepare(const Xbyak::Address& lanes) {
    a_.mov(a_.rcx, lanes);
    if (a_.has_avx512()) {  // as many bits
        a_.mov(a_.r8d, 1);
        a_.shl(a_.r8d, a_.cl);
        a_.dec(a_.r8d);
        return a_.kmovw(Xbyak::Opmask(masks_[0].number), a_.r8d);
    }
    // From a table of set lanes and cleared ones, so far before the first cleared one.
    a_.neg(a_.rcx);
    a_.lea(a_.r8, a_.ptr[a_.rip + table_]);
    a_.lea(a_.rcx, a_.ptr[a_.r8 + a_.rcx * 4 + std::size_t{kernel_vector_bytes}]);
    for (std::size_t part = 0; part < masks_.size(); ++part) {
        const Vector mask = a_.vector(masks_[part].number);
        a_.vmovups(mask, a_.ptr[a_.rcx + part * bytes_]);
        a_.vmovaps(a_.ptr[a_.rsp + stack_ + part * bytes_], mask);
    }
}

void PartialMasks::load() {
    if (a_.has_avx512()) return;
    for (std::size_t part = 0; part < masks_.size(); ++part)
        a_.vmovaps(a_.vector(masks_[part].number), a_.ptr[a_.rsp + stack_ + part * bytes_]);
}

void PartialMasks::write_table() {
    if (a_.has_avx512()) return;
    a_.align(32);
    a_.L(table_);
    for (int lane = 0; lane < 2 * kernel_lanes; ++lane) a_.dd(lane < kernel_lanes ? 0xffffffff : 0);
}

}  // namespace normact::evaluator::cpu
