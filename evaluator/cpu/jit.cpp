#include "evaluator/cpu/jit.h"

#include "evaluator/cpu/pass_body.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <utility>
#include <xbyak/xbyak_util.h>

namespace normact::evaluator::cpu {
namespace {

using Xbyak::Address;
using Xbyak::Reg64;
using Xbyak::Ymm;
using Temporary = VectorAssembler::Temporary;

constexpr int kernel_lanes = parts * register_lanes;

/// Between sums in float32 and their sum in double: few enough that even values far from 0 lose nothing that matters.
constexpr int vectors_between_flushes = 16;

/// The whole function: void kernel(const KernelCall*).
class Compilation {
  public:
    Compilation(const PassCode& code, ElementType type)
        : code_(code),
          uses_(code),
          type_(type),
          in_registers_(std::min(code.plane_means.size() * parts, most_sums_in_registers)),
          assembler_(std::make_unique<VectorAssembler>([this] { return body_->take_register(); },
                                                       [this](int r) { body_->release_register(r); })),
          a_(*assembler_) {}

    std::unique_ptr<VectorAssembler> run() && {
        const std::array saved{a_.rbx, a_.rbp, a_.r12, a_.r13, a_.r14, a_.r15};
        for (const Reg64& r : saved) a_.push(r);
        const int frame = static_cast<int>(sums() + code_.steps.size()) * vector_bytes;
        a_.mov(a_.rax, a_.rsp);
        a_.sub(a_.rsp, frame + vector_bytes);
        a_.and_(a_.rsp, -vector_bytes);
        a_.mov(a_.ptr[a_.rsp + frame], a_.rax);
        load_arguments();
        segment(offsetof(KernelCall, whole), false);
        if (type_ == ElementType::float32) segment(offsetof(KernelCall, partial), true);
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
        a_.mov(stride_, field(offsetof(KernelCall, stride)));
        a_.xor_(offset_, offset_);
    }

    /// The loop over the whole vectors, or over the partial ones.
    void segment(std::size_t count, bool masked) {
        PassBody body(code_, uses_, type_, a_, {tensors_, offset_, small_}, in_registers_, masked);
        body_ = &body;
        Xbyak::Label chunk, vector, end;
        a_.mov(left_, field(count));
        a_.test(left_, left_);
        a_.jz(end, VectorAssembler::T_NEAR);
        if (masked) load_masks(body);
        a_.L(chunk);
        a_.mov(count_, vectors_between_flushes);
        a_.cmp(count_, left_);
        a_.cmovg(count_, left_);
        a_.sub(left_, count_);
        clear_sums();
        a_.L(vector);
        Xbyak::Label next;
        for (int part = 0; part < parts; ++part) {
            if (masked && part > 0) {  // nothing is left for this part
                a_.cmp(field(offsetof(KernelCall, lanes_left)), part * register_lanes);
                a_.jle(next, VectorAssembler::T_NEAR);
            }
            emit_part(body, part, masked);
        }
        a_.L(next);
        a_.add(offset_, stride_);
        a_.dec(count_);
        a_.jnz(vector, VectorAssembler::T_NEAR);
        flush_sums();
        a_.test(left_, left_);
        a_.jnz(chunk, VectorAssembler::T_NEAR);
        a_.L(end);
        body_ = nullptr;
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
    }

    /// All bits of the first `lanes_left` lanes, from a table of set and cleared ones.
    void load_masks(const PassBody& body) {
        a_.mov(count_, field(offsetof(KernelCall, lanes_left)));
        a_.neg(count_);
        a_.lea(count_, a_.ptr[count_ * 4 + static_cast<std::size_t>(kernel_lanes * 4)]);  // how far into the table
        a_.lea(scratch_, a_.ptr[a_.rip + masks_]);
        for (int part = 0; part < parts; ++part)
            a_.vmovups(body.mask(part), a_.ptr[scratch_ + count_ + static_cast<std::size_t>(part * vector_bytes)]);
    }

    void write_masks() {
        a_.align(32);
        a_.L(masks_);
        for (int lane = 0; lane < 2 * kernel_lanes; ++lane) a_.dd(lane < kernel_lanes ? 0xffffffff : 0);
    }

    /// How many registers or places on the stack sums take.
    std::size_t sums() const { return code_.plane_means.size() * parts; }

    Address sum_on_stack(std::size_t i) { return a_.ptr[a_.rsp + i * static_cast<std::size_t>(vector_bytes)]; }

    void clear_sums() {
        for (std::size_t i = 0; i < in_registers_; ++i)
            a_.vxorps(Ymm(static_cast<int>(i)), Ymm(static_cast<int>(i)), Ymm(static_cast<int>(i)));
        if (in_registers_ == sums()) return;
        const Temporary zero(a_);
        a_.vxorps(zero, zero, zero);
        for (std::size_t i = in_registers_; i < sums(); ++i) a_.vmovaps(sum_on_stack(i), zero);
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
        a_.vaddps(sum, term, sum_on_stack(i));
        a_.vmovaps(sum_on_stack(i), sum);
    }

    /// Adds the sums, in double, to those of the call.
    void flush_sums() {
        if (code_.plane_means.empty()) return;
        const Temporary low(a_), high(a_);
        const Ymm l = low, h = high;
        a_.mov(count_, field(offsetof(KernelCall, sums)));
        for (std::size_t i = 0; i < sums(); ++i) {
            if (i < in_registers_)
                a_.vmovaps(l, Ymm(static_cast<int>(i)));
            else
                a_.vmovaps(l, sum_on_stack(i));
            a_.vextractf128(Xbyak::Xmm(h.getIdx()), l, 1);
            a_.vcvtps2pd(l, Xbyak::Xmm(l.getIdx()));
            a_.vcvtps2pd(h, Xbyak::Xmm(h.getIdx()));
            const int place = static_cast<int>(i) * 2 * vector_bytes;
            for (const auto& [half, at] : {std::pair(l, place), std::pair(h, place + vector_bytes)}) {
                a_.vaddpd(half, half, a_.ptr[count_ + at]);
                a_.vmovupd(a_.ptr[count_ + at], half);
            }
        }
    }

    static constexpr std::size_t most_sums_in_registers = 6;

    const PassCode& code_;
    Uses uses_;
    ElementType type_;
    std::size_t in_registers_;
    PassBody* body_ = nullptr;
    std::unique_ptr<VectorAssembler> assembler_;
    VectorAssembler& a_;
    Xbyak::Label masks_;
    const Reg64 call_ = a_.rdi, small_ = a_.rsi, stride_ = a_.rdx, left_ = a_.rcx, count_ = a_.r8, offset_ = a_.rax,
                scratch_ = a_.r15;
    const std::array<Reg64, most_tensors> tensors_{a_.r9, a_.r10, a_.r11, a_.rbx, a_.rbp, a_.r12, a_.r13, a_.r14};
};

class JitKernel : public Kernel {
  public:
    JitKernel(const PassCode& code, ElementType type)
        : type_(type),
          inputs_(code.inputs),
          outputs_(code.outputs.size()),
          sums_(code.plane_means.size()),
          code_(Compilation(code, type).run()),
          function_(code_->getCode<void (*)(const KernelCall*)>()) {}

    int lanes() const override { return kernel_lanes; }
    void run(const KernelCall& call) const override {
        function_(&call);
        if (type_ == ElementType::bfloat16)
            for (std::int64_t i = 0; i < call.partial; ++i) run_padded(call, (call.whole + i) * call.stride);
    }

  private:
    /// One partial vector by way of whole ones: AVX2 has no masked loads and stores of two bytes.
    void run_padded(const KernelCall& call, std::int64_t offset) const {
        using Padded = std::array<std::uint16_t, kernel_lanes>;
        std::array<Padded, most_tensors> padded{};
        std::array<const void*, most_tensors> inputs{};
        std::array<void*, most_tensors> outputs{};
        std::vector<double> sums(sums_ * kernel_lanes);
        const auto bytes = static_cast<std::size_t>(call.lanes_left) * sizeof(std::uint16_t);
        for (std::size_t i = 0; i < inputs_; ++i) {
            std::memcpy(padded[i].data(), static_cast<const char*>(call.inputs[i]) + offset, bytes);
            inputs[i] = padded[i].data();
        }
        for (std::size_t i = 0; i < outputs_; ++i) outputs[i] = padded[inputs_ + i].data();
        const KernelCall one{.inputs = inputs.data(),
                             .outputs = outputs.data(),
                             .small_values = call.small_values,
                             .sums = sums.data(),
                             .whole = 1,
                             .partial = 0,
                             .lanes_left = 0,
                             .stride = 0};
        function_(&one);
        for (std::size_t i = 0; i < outputs_; ++i)
            std::memcpy(static_cast<char*>(call.outputs[i]) + offset, outputs[i], bytes);
        for (std::size_t i = 0; i < sums_; ++i)
            for (std::int64_t l = 0; l < call.lanes_left; ++l)
                call.sums[i * kernel_lanes + l] += sums[i * kernel_lanes + l];
    }

    ElementType type_;
    std::size_t inputs_, outputs_, sums_;
    std::unique_ptr<VectorAssembler> code_;
    void (*function_)(const KernelCall*);
};

class Jit : public KernelMaker {
  public:
    std::string_view name() const override { return "jit"; }
    std::unique_ptr<const Kernel> make(const PassCode& code, ElementType type) const override {
        return std::make_unique<JitKernel>(code, type);
    }
};

}  // namespace

const KernelMaker* jit() {
    static const Jit maker;
    static const Xbyak::util::Cpu cpu;
    return cpu.has(Xbyak::util::Cpu::tAVX2) && cpu.has(Xbyak::util::Cpu::tFMA) ? &maker : nullptr;
}

}  // namespace normact::evaluator::cpu
