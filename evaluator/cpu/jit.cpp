#include "evaluator/cpu/jit.h"

#include "evaluator/cpu/uses.h"
#include "evaluator/cpu/vector_math.h"

#include <algorithm>
#include <array>
#include <bit>
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
using Kind = Operand::Kind;

constexpr int registers = 16;
constexpr std::size_t most_tensors = 8;  // that a pass reads or writes
constexpr int register_lanes = VectorAssembler::lanes;
constexpr int vector_bytes = register_lanes * 4;

/// A vector of the kernel is as many registers, one cache line: in channels_last the next pixel lies a line or more
/// away.
constexpr int parts = 2;
constexpr int kernel_lanes = parts * register_lanes;

/// Between sums in float32 and their sum in double: few enough that even values far from 0 lose nothing that matters.
constexpr int vectors_between_flushes = 16;

/// Writes the body of a pass for a part of a vector and chooses its registers: all but the first `reserved`, and those
/// of the masks of a masked body. Values that find no register wait on the stack; inputs, small values and constants
/// are simply read again.
class Body {
  public:
    Body(const PassCode& code, ElementType type, VectorAssembler& assembler, std::vector<Reg64> tensors, Reg64 offset,
         Reg64 small, std::size_t reserved, bool masked)
        : code_(code),
          type_(type),
          a_(assembler),
          tensors_(std::move(tensors)),
          offset_(offset),
          small_(small),
          masked_(masked),
          uses_(code),
          spilled_(code.steps.size()),
          first_slot_(code.plane_means.size() * parts),
          mask_(static_cast<int>(reserved)) {
        std::fill_n(taken_.begin(), reserved + (masked ? parts : 0), true);
    }

    // What the assembler's temporaries come from.
    int take_register() {
        for (int r = 0; r < registers; ++r)
            if (!taken_[r] && !holds_[r]) return take(r);
        int victim = -1;
        std::size_t farthest = 0;
        for (int r = 0; r < registers; ++r)
            if (!taken_[r] && !pinned_[r]) {
                const std::size_t next = uses_.next(*holds_[r], step_);
                if (victim < 0 || next > farthest) victim = r, farthest = next;
            }
        if (victim < 0) throw std::logic_error("jit: out of registers");
        spill(victim);
        return take(victim);
    }
    void release_register(int r) { taken_[r] = false; }

    void emit(int part) {
        part_ = part;
        std::ranges::fill(holds_, std::nullopt);
        spilled_.assign(spilled_.size(), false);
        for (step_ = 0; step_ < code_.steps.size(); ++step_) {
            emit_step(code_.steps[step_]);
            drop_dead(step_ + 1);
        }
    }

    /// The value, in a register that stays until the next call.
    Ymm load(const Operand& value) {
        if (const int r = find(value); r >= 0) return Ymm(r);
        const int r = take_register();
        taken_[r] = false;
        holds_[r] = value;
        emit_load(Ymm(r), value);
        return Ymm(r);
    }

    void store(const Operand& value, std::size_t output) {
        const Ymm from = load(value);
        const Address to = tensor(code_.inputs + output);
        pinned_[from.getIdx()] = true;
        if (type_ == ElementType::bfloat16)
            store_bfloat16(from, to);
        else if (masked_)
            a_.vmaskmovps(to, mask(), from);
        else
            a_.vmovups(to, from);
        pinned_[from.getIdx()] = false;
    }

    void next_step() { drop_dead(++step_); }

    Ymm mask(int part) const { return Ymm(mask_ + part); }

  private:
    int take(int r) {
        taken_[r] = true;
        holds_[r] = std::nullopt;
        return r;
    }

    Ymm mask() const { return mask(part_); }

    Address tensor(std::size_t number) {
        const int size = type_ == ElementType::float32 ? 4 : 2;
        return a_.ptr[tensors_[number] + offset_ + static_cast<std::size_t>(part_ * register_lanes * size)];
    }

    Address small_value(std::uint32_t number) {
        return a_.ptr[small_ + static_cast<std::size_t>((static_cast<int>(number) * parts + part_) * vector_bytes)];
    }

    int find(const Operand& value) const {
        for (int r = 0; r < registers; ++r)
            if (holds_[r] && holds_[r]->kind == value.kind && holds_[r]->number == value.number) return r;
        return -1;
    }

    Address slot(std::size_t step) {
        return a_.ptr[a_.rsp + (first_slot_ + step) * static_cast<std::size_t>(vector_bytes)];
    }

    void spill(int r) {
        const Operand value = *holds_[r];
        if (value.kind == Kind::step && !spilled_[value.number] && uses_.next(value, step_) != Uses::never) {
            a_.vmovups(slot(value.number), Ymm(r));
            spilled_[value.number] = true;
        }
        holds_[r] = std::nullopt;
    }

    void drop_dead(std::size_t step) {
        for (auto& held : holds_)
            if (held && uses_.next(*held, step) == Uses::never) held = std::nullopt;
    }

    void emit_load(Ymm to, const Operand& value) {
        switch (value.kind) {
            case Kind::input: {
                const Address from = tensor(value.number);
                if (type_ == ElementType::bfloat16) {
                    a_.vpmovzxwd(to, from);
                    a_.vpslld(to, to, 16);
                } else if (masked_) {
                    a_.vmaskmovps(to, mask(), from);
                } else {
                    a_.vmovups(to, from);
                }
                return;
            }
            case Kind::step:
                return a_.vmovups(to, slot(value.number));
            case Kind::small_value:
                return a_.vmovups(to, small_value(value.number));
            case Kind::constant:
                return a_.vmovaps(to, a_.constant(code_.constants[value.number]));
        }
    }

    /// The value in a register or in memory, as a second operand may be.
    template <typename Emit>
    void with_operand(const Operand& value, Emit emit) {
        if (find(value) < 0 && value.kind == Kind::small_value) return emit(small_value(value.number));
        if (find(value) < 0 && value.kind == Kind::constant) return emit(a_.constant(code_.constants[value.number]));
        const Ymm loaded = load(value);
        pinned_[loaded.getIdx()] = true;
        emit(loaded);
    }

    /// Rounds to the nearest, ties to even; NaN stays NaN.
    void store_bfloat16(Ymm from, const Address& to) {
        const Temporary bits(a_), nan(a_);
        a_.vpsrld(bits, from, 16);
        a_.vpand(bits, bits, a_.constant_bits(1));
        a_.vpaddd(bits, bits, a_.constant_bits(0x7fff));
        a_.vpaddd(bits, bits, from);
        a_.vcmpps(nan, from, from, 3);
        a_.vblendvps(bits, bits, a_.constant_bits(0x7fc00000), nan);
        a_.vpsrld(bits, bits, 16);
        a_.vextracti128(Xbyak::Xmm(static_cast<Ymm>(nan).getIdx()), bits, 1);
        const Xbyak::Xmm low(static_cast<Ymm>(bits).getIdx());
        a_.vpackusdw(low, low, Xbyak::Xmm(static_cast<Ymm>(nan).getIdx()));
        a_.vmovdqu(to, low);
    }

    void emit_step(const Step& step) {
        const int arity = row_of(step.operation).arity;
        std::array<int, 3> operands{-1, -1, -1};
        const auto pin = [&](int k) {
            operands[k] = load(step.operands[k]).getIdx();
            pinned_[operands[k]] = true;
        };
        pin(0);
        if (arity == 3) pin(2);
        const int result = take_register();
        const Ymm to(result), x(operands[0]);
        if (arity == 1)
            emit_unary(step.operation, to, x);
        else if (arity == 2)
            with_operand(step.operands[1], [&](const auto& y) { emit_binary(step.operation, to, x, y); });
        else
            with_operand(step.operands[1], [&](const auto& y) { emit_where(to, x, y, Ymm(operands[2])); });
        pinned_.fill(false);
        taken_[result] = false;
        holds_[result] = Operand{Kind::step, static_cast<std::uint32_t>(step_)};
    }

    template <typename Second>
    void emit_binary(Operation operation, Ymm to, Ymm x, const Second& y) {
        switch (operation) {
            case Operation::add:
                return a_.vaddps(to, x, y);
            case Operation::subtract:
                return a_.vsubps(to, x, y);
            case Operation::multiply:
                return a_.vmulps(to, x, y);
            case Operation::divide:
                return a_.vdivps(to, x, y);
            case Operation::maximum: {  // gives its second operand if one is NaN
                const Temporary nan(a_);
                a_.vcmpps(nan, x, x, 3);
                a_.vmaxps(to, x, y);
                return a_.vblendvps(to, to, x, nan);
            }
            default:
                throw std::logic_error("jit: not a binary operation");
        }
    }

    void emit_unary(Operation operation, Ymm to, Ymm x) {
        switch (operation) {
            case Operation::negate:
                return a_.vxorps(to, x, a_.constant_bits(0x80000000));
            case Operation::abs:
                return a_.vandps(to, x, a_.constant_bits(0x7fffffff));
            case Operation::sign: {
                const Temporary nonzero(a_);
                a_.vcmpps(nonzero, x, a_.constant(0.0F), 12);  // not equal, and not NaN
                a_.vandps(to, x, a_.constant_bits(0x80000000));
                a_.vorps(to, to, a_.constant(1.0F));
                return a_.vandps(to, to, nonzero);
            }
            case Operation::sqrt:
                return a_.vsqrtps(to, x);
            case Operation::log:
                return emit_log(a_, to, x);
            case Operation::exp:
                return emit_exp(a_, to, x);
            case Operation::sigmoid:
                return emit_sigmoid(a_, to, x);
            case Operation::tanh:
                return emit_tanh(a_, to, x);
            default:
                throw std::logic_error("jit: not a unary operation");
        }
    }

    template <typename Second>
    void emit_where(Ymm to, Ymm condition, const Second& yes, Ymm no) {
        const Temporary zero(a_);
        a_.vcmpps(zero, condition, a_.constant(0.0F), 0);
        a_.vblendvps(to, no, yes, zero);
    }

    const PassCode& code_;
    ElementType type_;
    VectorAssembler& a_;
    std::vector<Reg64> tensors_;
    Reg64 offset_, small_;
    bool masked_;
    Uses uses_;
    std::vector<bool> spilled_;
    std::array<bool, registers> taken_{}, pinned_{};
    std::array<std::optional<Operand>, registers> holds_{};
    std::size_t step_ = 0, first_slot_;
    int mask_, part_ = 0;
};

/// The whole function: void kernel(const KernelCall*).
class Compilation {
  public:
    Compilation(const PassCode& code, ElementType type)
        : code_(code),
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
    Address field(std::size_t offset) { return a_.ptr[call_ + static_cast<int>(offset)]; }

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
        Body body(code_, type_, a_, {tensors_.begin(), tensors_.end()}, offset_, small_, in_registers_, masked);
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
                a_.cmp(qword_field(offsetof(KernelCall, lanes_left)), part * register_lanes);
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

    void emit_part(Body& body, int part, bool masked) {
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
    void load_masks(const Body& body) {
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

    Address qword_field(std::size_t offset) { return a_.qword[call_ + static_cast<int>(offset)]; }

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
    ElementType type_;
    std::size_t in_registers_;
    Body* body_ = nullptr;
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
