#include "evaluator/cpu/pass_body.h"

#include "evaluator/cpu/vector_math.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace normact::evaluator::cpu {

using Xbyak::Address;
using Temporary = VectorAssembler::Temporary;
using TemporaryMask = VectorAssembler::TemporaryMask;
using Kind = Operand::Kind;

PassBody::PassBody(const PassCode& code, const Uses& uses, ElementType type, VectorAssembler& assembler,
                   const PassRegisters& memory, std::size_t reserved, std::vector<Mask> masks)
    : code_(code),
      uses_(uses),
      type_(type),
      a_(assembler),
      memory_(memory),
      masks_(std::move(masks)),
      spilled_(code.steps.size()),
      first_slot_(code.plane_means.size() * static_cast<std::size_t>(assembler.parts())) {
    std::fill_n(taken_.begin(), reserved, true);
}

int PassBody::take_register() {
    for (int r = 0; r < a_.registers(); ++r)
        if (!taken_[r] && !holds_[r]) return take(r);
    int victim = -1;
    std::size_t farthest = 0;
    for (int r = 0; r < a_.registers(); ++r)
        if (!taken_[r] && !pinned_[r]) {
            const std::size_t next = uses_.next(*holds_[r], step_);
            if (victim < 0 || next > farthest) victim = r, farthest = next;
        }
    if (victim < 0) throw std::logic_error("jit: out of registers");
    spill(victim);
    return take(victim);
}

int PassBody::take(int r) {
    taken_[r] = true;
    holds_[r] = std::nullopt;
    return r;
}

int PassBody::find(const Operand& value) const {
    for (int r = 0; r < a_.registers(); ++r)
        if (holds_[r] && holds_[r]->kind == value.kind && holds_[r]->number == value.number) return r;
    return -1;
}

void PassBody::spill(int r) {
    const Operand value = *holds_[r];
    if (value.kind == Kind::step && !spilled_[value.number] && uses_.next(value, step_) != Uses::never) {
        a_.vmovups(slot(value.number), a_.vector(r));
        spilled_[value.number] = true;
    }
    holds_[r] = std::nullopt;
}

void PassBody::drop_dead(std::size_t step) {
    for (auto& held : holds_)
        if (held && uses_.next(*held, step) == Uses::never) held = std::nullopt;
}

void PassBody::emit(int part) {
    part_ = part;
    std::ranges::fill(holds_, std::nullopt);
    spilled_.assign(spilled_.size(), false);
    for (step_ = 0; step_ < code_.steps.size(); ++step_) {
        emit_step(code_.steps[step_]);
        drop_dead(step_ + 1);
    }
}

Vector PassBody::load(const Operand& value) {
    if (const int r = find(value); r >= 0) return a_.vector(r);
    const int r = take_register();
    taken_[r] = false;
    holds_[r] = value;
    emit_load(a_.vector(r), value);
    return a_.vector(r);
}

void PassBody::store(const Operand& value, std::size_t output) {
    const Vector from = load(value);
    const Address to = tensor(code_.inputs + output);
    pinned_[from.getIdx()] = true;
    if (type_ == ElementType::bfloat16)
        store_bfloat16(from, to);
    else if (is_masked())
        a_.store_where(to, mask(), from);
    else
        a_.vmovups(to, from);
    pinned_[from.getIdx()] = false;
}

void PassBody::keep(const PassCode::Keep& keep) { a_.vmovups(kept(keep.place), load(keep.value)); }

Address PassBody::tensor(std::size_t number) {
    return a_
        .ptr[memory_.tensors[number] + memory_.offset + static_cast<std::size_t>(part_ * a_.lanes() * bytes_of(type_))];
}

Address PassBody::small_value(std::uint32_t number) { return part_of(memory_.small_values, number); }

Address PassBody::kept(std::uint32_t place) { return part_of(memory_.kept, place); }

Address PassBody::part_of(const Xbyak::Reg64& vectors, std::uint32_t number) {
    return a_
        .ptr[vectors + static_cast<std::size_t>(static_cast<int>(number) * kernel_vector_bytes + part_ * a_.bytes())];
}

Address PassBody::slot(std::size_t step) {
    return a_.ptr[a_.rsp + (first_slot_ + step) * static_cast<std::size_t>(a_.bytes())];
}

void PassBody::emit_load(Vector to, const Operand& value) {
    switch (value.kind) {
        case Kind::input: {
            const Address from = tensor(value.number);
            if (type_ == ElementType::bfloat16) {
                a_.vpmovzxwd(to, from);
                a_.vpslld(to, to, 16);
            } else if (is_masked()) {
                a_.load_where(to, mask(), from);
            } else {
                a_.vmovups(to, from);
            }
            return;
        }
        case Kind::kept:
            return a_.vmovups(to, kept(value.number));
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
void PassBody::with_operand(const Operand& value, Emit emit) {
    if (find(value) < 0 && value.kind == Kind::small_value) return emit(small_value(value.number));
    if (find(value) < 0 && value.kind == Kind::constant) return emit(a_.constant(code_.constants[value.number]));
    const Vector loaded = load(value);
    pinned_[loaded.getIdx()] = true;
    emit(loaded);
}

/// Rounds to the nearest, ties to even; NaN stays NaN.
void PassBody::store_bfloat16(Vector from, const Address& to) {
    const Temporary bits(a_), scratch(a_);
    const TemporaryMask nan(a_);
    a_.vpsrld(bits, from, 16);
    a_.vandps(bits, bits, a_.constant_bits(1));
    a_.vpaddd(bits, bits, a_.constant_bits(0x7fff));
    a_.vpaddd(bits, bits, from);
    a_.compare(nan, from, from, is_nan);
    a_.select(bits, nan, a_.constant_bits(0x7fc00000), bits);
    a_.vpsrld(bits, bits, 16);
    a_.store_words(to, bits, scratch);
}

template <typename Second>
void PassBody::emit_binary(Operation operation, Vector to, Vector x, const Second& y) {
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
            const TemporaryMask nan(a_);
            a_.compare(nan, x, x, is_nan);
            a_.vmaxps(to, x, y);
            return a_.select(to, nan, x, to);
        }
        default:
            throw std::logic_error("jit: not a binary operation");
    }
}

void PassBody::emit_unary(Operation operation, Vector to, Vector x) {
    switch (operation) {
        case Operation::negate:
            return a_.vxorps(to, x, a_.constant_bits(0x80000000));
        case Operation::abs:
            return a_.vandps(to, x, a_.constant_bits(0x7fffffff));
        case Operation::sign: {
            const TemporaryMask nonzero(a_);
            a_.compare(nonzero, x, a_.constant(0.0F), not_equal);
            a_.vandps(to, x, a_.constant_bits(0x80000000));
            a_.vorps(to, to, a_.constant(1.0F));
            return a_.keep_where(to, nonzero, to);
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
void PassBody::emit_where(Vector to, Vector condition, const Second& yes, Vector no) {
    const TemporaryMask zero(a_);
    a_.compare(zero, condition, a_.constant(0.0F), equal);
    a_.select(to, zero, yes, no);
}

void PassBody::emit_step(const Step& step) {
    const int arity = row_of(step.operation).arity;
    std::array<int, 3> operands{-1, -1, -1};
    const auto pin = [&](int k) {
        operands[k] = load(step.operands[k]).getIdx();
        pinned_[operands[k]] = true;
    };
    pin(0);
    if (arity == 3) pin(2);
    const int result = take_register();
    const Vector to = a_.vector(result), x = a_.vector(operands[0]);
    if (arity == 1)
        emit_unary(step.operation, to, x);
    else if (arity == 2)
        with_operand(step.operands[1], [&](const auto& y) { emit_binary(step.operation, to, x, y); });
    else
        with_operand(step.operands[1], [&](const auto& y) { emit_where(to, x, y, a_.vector(operands[2])); });
    pinned_.fill(false);
    taken_[result] = false;
    holds_[result] = Operand{Kind::step, static_cast<std::uint32_t>(step_)};
}

}  // namespace normact::evaluator::cpu
