#include "evaluator/cpu/kernel_compiler.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <utility>

namespace normact::evaluator::cpu {
namespace {

using Xbyak::Address;
using Xbyak::Reg64;
using Xbyak::Ymm;
using Temporary = VectorAssembler::Temporary;

/// Between sums in float32 and their sum in double: few enough that even values far from 0 lose nothing that matters.
constexpr int vectors_between_flushes = 16;

/// The whole function: void kernel(const KernelCall*).
class Compilation {
  public:
    Compilation(const PassCode& code, ElementType type, Layout layout)
        : code_(code),
          uses_(code),
          type_(type),
          layout_(layout),
          in_registers_(layout == Layout::contiguous ? std::min(sums(), most_sums_in_registers) : 0),
          assembler_(std::make_unique<VectorAssembler>([this] { return body_->take_register(); },
                                                       [this](int r) { body_->release_register(r); })),
          a_(*assembler_) {}

    std::unique_ptr<VectorAssembler> run() && {
        const std::array saved{a_.rbx, a_.rbp, a_.r12, a_.r13, a_.r14, a_.r15};
        for (const Reg64& r : saved) a_.push(r);
        const int frame = static_cast<int>(sums() + code_.steps.size() + parts) * vector_bytes;
        a_.mov(a_.rax, a_.rsp);
        a_.sub(a_.rsp, frame + vector_bytes);
        a_.and_(a_.rsp, -vector_bytes);
        a_.mov(a_.ptr[a_.rsp + frame], a_.rax);
        load_arguments();
        layout_ == Layout::contiguous ? planes() : rows();
        a_.mov(a_.rsp, a_.ptr[a_.rsp + frame]);
        for (std::size_t i = saved.size(); i-- > 0;) a_.pop(saved[i]);
        a_.vzeroupper();
        a_.ret();
        write_masks();
        a_.finish();
        return std::move(assembler_);
    }

  private:
    Address field(std::size_t offset) { return a_.qword[call_ + offset]; }

    void load_arguments() {
        if (code_.inputs + code_.outputs.size() > tensors_.size()) throw std::logic_error("jit: too many tensors");
        a_.mov(count_, field(offsetof(KernelCall, inputs)));
        for (std::size_t i = 0; i < code_.inputs; ++i) a_.mov(tensors_[i], a_.ptr[count_ + i * std::size_t{8}]);
        a_.mov(count_, field(offsetof(KernelCall, outputs)));
        for (std::size_t i = 0; i < code_.outputs.size(); ++i)
            a_.mov(tensors_[code_.inputs + i], a_.ptr[count_ + i * std::size_t{8}]);
        a_.mov(small_, field(offsetof(KernelCall, small_values)));
        a_.mov(kept_, field(offsetof(KernelCall, kept)));
        a_.xor_(offset_, offset_);
        if (has_partial()) keep_masks();
    }

    /// Whether it is compiled here.
    bool has_partial() const { return type_ == ElementType::float32; }

    PassBody body(std::size_t reserved, bool masked) {
        return {code_, uses_, type_, a_, {tensors_, offset_, small_, kept_}, reserved, masked};
    }

    /// The loop over rows, and in each over the whole vectors, whose sums wait in registers or on the stack, then the
    /// partial one.
    void planes() {
        PassBody whole = body(in_registers_, false), partial = body(in_registers_, true);
        Xbyak::Label row, chunk, vector, no_vector;
        a_.mov(rows_, field(offsetof(KernelCall, rows)));
        a_.mov(sums_, field(offsetof(KernelCall, sums)));
        a_.L(row);
        body_ = &whole;
        a_.mov(left_, field(offsetof(KernelCall, columns)));
        a_.test(left_, left_);
        a_.jz(no_vector, VectorAssembler::T_NEAR);
        a_.L(chunk);
        begin_chunk();
        clear_sums();
        a_.L(vector);
        emit_whole_vector(whole);
        a_.dec(count_);
        a_.jnz(vector, VectorAssembler::T_NEAR);
        flush_sums();
        a_.test(left_, left_);
        a_.jnz(chunk, VectorAssembler::T_NEAR);
        a_.L(no_vector);
        emit_partial_vector(partial);
        a_.add(offset_, field(offsetof(KernelCall, gap)));
        go_on_in_columns();
        a_.dec(rows_);
        a_.jnz(row, VectorAssembler::T_NEAR);
        body_ = nullptr;
    }

    /// The loop over rows, whose columns have sums of their own in memory.
    void rows() {
        PassBody whole = body(0, false), partial = body(0, true);
        Xbyak::Label chunk, row, vector, no_vector;
        a_.mov(left_, field(offsetof(KernelCall, rows)));
        a_.L(chunk);
        begin_chunk();
        a_.L(row);
        a_.mov(small_, field(offsetof(KernelCall, small_values)));
        a_.mov(sums_, field(offsetof(KernelCall, row_sums)));
        a_.mov(columns_, field(offsetof(KernelCall, columns)));
        a_.test(columns_, columns_);
        a_.jz(no_vector, VectorAssembler::T_NEAR);
        body_ = &whole;
        a_.L(vector);
        emit_whole_vector(whole);
        go_on_in_columns();
        a_.dec(columns_);
        a_.jnz(vector, VectorAssembler::T_NEAR);
        a_.L(no_vector);
        emit_partial_vector(partial);
        body_ = &whole;
        a_.add(offset_, field(offsetof(KernelCall, gap)));
        a_.dec(count_);
        a_.jnz(row, VectorAssembler::T_NEAR);
        flush_row_sums();
        a_.test(left_, left_);
        a_.jnz(chunk, VectorAssembler::T_NEAR);
        body_ = nullptr;
    }

    /// How many come next, in count_; how many are left then, in left_.
    void begin_chunk() {
        a_.mov(count_, vectors_between_flushes);
        a_.cmp(count_, left_);
        a_.cmovg(count_, left_);
        a_.sub(left_, count_);
    }

    /// And goes on behind it.
    void emit_whole_vector(PassBody& body) {
        for (int part = 0; part < parts; ++part) emit_part(body, part, false);
        a_.add(offset_, kernel_lanes * bytes_of(type_));
        go_on_in_kept();
    }

    /// To the small values and sums of the next plane, or in channels_last the next vector of them.
    void go_on_in_columns() {
        a_.add(small_, static_cast<int>(code_.small_values) * parts * vector_bytes);
        a_.add(sums_, static_cast<int>(sums()) * (layout_ == Layout::contiguous ? 2 : 1) * vector_bytes);
    }

    void go_on_in_kept() {
        if (code_.kept_values > 0) a_.add(kept_, static_cast<int>(code_.kept_values) * parts * vector_bytes);
    }

    /// Goes on behind the partial vector, if there is one; one that is not compiled here is passed over.
    void emit_partial_vector(PassBody& body) {
        Xbyak::Label end;
        a_.cmp(field(offsetof(KernelCall, lanes_left)), 0);
        a_.je(end, VectorAssembler::T_NEAR);
        if (has_partial()) emit_masked_vector(body);
        go_on_in_kept();
        a_.L(end);
    }

    /// In a plane with its own sums.
    void emit_masked_vector(PassBody& body) {
        body_ = &body;
        Xbyak::Label nothing_left;
        if (layout_ == Layout::contiguous) clear_sums();
        for (int part = 0; part < parts; ++part) a_.vmovaps(body.mask(part), mask_on_stack(part));
        for (int part = 0; part < parts; ++part) {
            if (part > 0) {  // nothing may be left for this part
                a_.cmp(field(offsetof(KernelCall, lanes_left)), part * register_lanes);
                a_.jle(nothing_left, VectorAssembler::T_NEAR);
            }
            emit_part(body, part, true);
        }
        a_.L(nothing_left);
        if (layout_ == Layout::contiguous) flush_sums();
    }

    void emit_part(PassBody& body, int part, bool masked) {
        body.emit(part);
        for (std::size_t i = 0; i < code_.plane_means.size(); ++i) {
            add_to_sum(i * parts + part, body.load(code_.plane_means[i]),
                       masked ? std::optional(body.mask(part)) : std::nullopt);
            body.next_step();
        }
        for (std::size_t i = 0; i < code_.outputs.size(); ++i) {
            body.store(code_.outputs[i], i);
            body.next_step();
        }
        for (const PassCode::Keep& keep : code_.keeps) {
            body.keep(keep);
            body.next_step();
        }
    }

    /// All bits of the first `lanes_left` lanes, from a table of set and cleared ones.
    void keep_masks() {
        const Ymm mask(0);
        a_.mov(count_, field(offsetof(KernelCall, lanes_left)));
        a_.neg(count_);
        a_.lea(count_, a_.ptr[count_ * 4 + static_cast<std::size_t>(kernel_lanes * 4)]);  // how far into the table
        a_.lea(left_, a_.ptr[a_.rip + masks_]);
        for (int part = 0; part < parts; ++part) {
            a_.vmovups(mask, a_.ptr[left_ + count_ + static_cast<std::size_t>(part * vector_bytes)]);
            a_.vmovaps(mask_on_stack(part), mask);
        }
    }

    Address mask_on_stack(int part) {
        return a_.ptr[a_.rsp + (sums() + code_.steps.size() + static_cast<std::size_t>(part)) * vector_bytes];
    }

    void write_masks() {
        a_.align(32);
        a_.L(masks_);
        for (int lane = 0; lane < 2 * kernel_lanes; ++lane) a_.dd(lane < kernel_lanes ? 0xffffffff : 0);
    }

    /// How many registers or places in memory sums take.
    std::size_t sums() const { return code_.plane_means.size() * parts; }

    Address sum_in_memory(std::size_t i) {
        return a_.ptr[(layout_ == Layout::contiguous ? a_.rsp : sums_) + i * static_cast<std::size_t>(vector_bytes)];
    }

    void clear_sums() {
        for (std::size_t i = 0; i < in_registers_; ++i)
            a_.vxorps(Ymm(static_cast<int>(i)), Ymm(static_cast<int>(i)), Ymm(static_cast<int>(i)));
        if (in_registers_ == sums()) return;
        const Temporary zero(a_);
        a_.vxorps(zero, zero, zero);
        for (std::size_t i = in_registers_; i < sums(); ++i) a_.vmovups(sum_in_memory(i), zero);
    }

    void add_to_sum(std::size_t i, Ymm value, std::optional<Ymm> mask) {
        std::optional<Temporary> masked;
        if (mask) {
            masked.emplace(a_);
            a_.vandps(*masked, value, *mask);
        }
        const Ymm term = mask ? static_cast<Ymm>(*masked) : value;
        if (i < in_registers_) return a_.vaddps(Ymm(static_cast<int>(i)), Ymm(static_cast<int>(i)), term);
        const Temporary sum(a_);
        a_.vaddps(sum, term, sum_in_memory(i));
        a_.vmovups(sum_in_memory(i), sum);
    }

    /// Adds the sums, in double, to those of the call.
    void flush_sums() {
        if (code_.plane_means.empty()) return;
        add_sums_to(sums_);
    }

    /// The same for each column, the partial one too; the sums in memory are 0 then.
    void flush_row_sums() {
        if (code_.plane_means.empty()) return;
        Xbyak::Label column, none_behind;
        a_.mov(count_, field(offsetof(KernelCall, sums)));
        a_.mov(sums_, field(offsetof(KernelCall, row_sums)));
        a_.mov(columns_, field(offsetof(KernelCall, columns)));
        a_.cmp(field(offsetof(KernelCall, lanes_left)), 0);
        a_.je(none_behind);
        a_.inc(columns_);
        a_.L(none_behind);
        a_.L(column);
        add_sums_to(count_);
        clear_sums();
        a_.add(count_, static_cast<int>(sums()) * 2 * vector_bytes);
        a_.add(sums_, static_cast<int>(sums()) * vector_bytes);
        a_.dec(columns_);
        a_.jnz(column, VectorAssembler::T_NEAR);
    }

    void add_sums_to(const Reg64& to) {
        const Temporary low(a_), high(a_);
        const Ymm l = low, h = high;
        for (std::size_t i = 0; i < sums(); ++i) {
            if (i < in_registers_)
                a_.vmovaps(l, Ymm(static_cast<int>(i)));
            else
                a_.vmovups(l, sum_in_memory(i));
            a_.vextractf128(Xbyak::Xmm(h.getIdx()), l, 1);
            a_.vcvtps2pd(l, Xbyak::Xmm(l.getIdx()));
            a_.vcvtps2pd(h, Xbyak::Xmm(h.getIdx()));
            const int place = static_cast<int>(i) * 2 * vector_bytes;
            for (const auto& [half, at] : {std::pair(l, place), std::pair(h, place + vector_bytes)}) {
                a_.vaddpd(half, half, a_.ptr[to + at]);
                a_.vmovupd(a_.ptr[to + at], half);
            }
        }
    }

    static constexpr std::size_t most_sums_in_registers = 6;

    const PassCode& code_;
    Uses uses_;
    ElementType type_;
    Layout layout_;
    std::size_t in_registers_;
    PassBody* body_ = nullptr;
    std::unique_ptr<VectorAssembler> assembler_;
    VectorAssembler& a_;
    Xbyak::Label masks_;
    const Reg64 call_ = a_.rdi, small_ = a_.rsi, rows_ = a_.rdx, columns_ = a_.rdx, left_ = a_.rcx, count_ = a_.r8,
                offset_ = a_.rax, sums_ = a_.r15, kept_ = a_.r14;
    const std::array<Reg64, most_tensors> tensors_{a_.r9, a_.r10, a_.r11, a_.rbx, a_.rbp, a_.r12, a_.r13};
};

}  // namespace

std::unique_ptr<VectorAssembler> compile_kernel(const PassCode& code, ElementType type, Layout layout) {
    return Compilation(code, type, layout).run();
}

}  // namespace normact::evaluator::cpu
