#include "evaluator/cpu/kernel_compiler.h"

#include "evaluator/cpu/partial_masks.h"
#include "evaluator/cpu/pass_body.h"
#include "evaluator/cpu/plane_sums.h"

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

/// Between sums in float32 and their sum in double: few enough that even values far from 0 lose nothing that matters.
constexpr int vectors_between_flushes = 16;

/// The whole function: void kernel(const KernelCall*).
class Compilation {
  public:
    Compilation(const PassCode& code, ElementType type, Layout layout, InstructionSet set)
        : code_(code),
          uses_(code),
          type_(type),
          layout_(layout),
          assembler_(std::make_unique<VectorAssembler>(
              set, [this] { return body_->take_register(); }, [this](int r) { body_->release_register(r); })),
          a_(*assembler_),
          plane_sums_(code, layout, a_, sums_),
          masks_(a_, static_cast<int>(plane_sums_.in_registers()), slots() * a_.bytes()) {}

    std::unique_ptr<VectorAssembler> run() && {
        const std::array saved{a_.rbx, a_.rbp, a_.r12, a_.r13, a_.r14, a_.r15};
        for (const Reg64& r : saved) a_.push(r);
        const int frame = (slots() + masks_.registers()) * a_.bytes();
        a_.mov(a_.rax, a_.rsp);
        a_.sub(a_.rsp, frame + a_.bytes());
        a_.and_(a_.rsp, -a_.bytes());
        a_.mov(a_.ptr[a_.rsp + frame], a_.rax);
        load_arguments();
        layout_ == Layout::contiguous ? planes() : rows();
        a_.mov(a_.rsp, a_.ptr[a_.rsp + frame]);
        for (std::size_t i = saved.size(); i-- > 0;) a_.pop(saved[i]);
        a_.vzeroupper();
        a_.ret();
        masks_.write_table();
        a_.finish();
        return std::move(assembler_);
    }

  private:
    /// Places on the stack, behind which masks wait.
    int slots() const { return static_cast<int>(plane_sums_.size() + code_.steps.size()); }

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
        if (has_partial()) masks_.prepare(field(offsetof(KernelCall, lanes_left)));
    }

    /// Whether it is compiled here.
    bool has_partial() const { return type_ == ElementType::float32; }

    PassBody whole_body() {
        return {code_, uses_, type_, a_, {tensors_, offset_, small_, kept_}, plane_sums_.in_registers()};
    }

    PassBody partial_body() {
        return {code_,
                uses_,
                type_,
                a_,
                {tensors_, offset_, small_, kept_},
                plane_sums_.in_registers() + static_cast<std::size_t>(masks_.registers()),
                masks_.of_parts()};
    }

    /// The loop over rows, and in each over the whole vectors, whose sums wait in registers or on the stack, then the
    /// partial one.
    void planes() {
        PassBody whole = whole_body(), partial = partial_body();
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
        plane_sums_.clear();
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
        PassBody whole = whole_body(), partial = partial_body();
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
        for (int part = 0; part < a_.parts(); ++part) emit_part(body, part);
        a_.add(offset_, kernel_lanes * bytes_of(type_));
        go_on_in_kept();
    }

    /// To the small values and sums of the next plane, or in channels_last the next vector of them.
    void go_on_in_columns() {
        a_.add(small_, static_cast<int>(code_.small_values) * kernel_vector_bytes);
        a_.add(sums_, layout_ == Layout::contiguous ? bytes_of_doubles() : bytes_of_sums());
    }

    void go_on_in_kept() {
        if (code_.kept_values > 0) a_.add(kept_, static_cast<int>(code_.kept_values) * kernel_vector_bytes);
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
        if (layout_ == Layout::contiguous) plane_sums_.clear();
        masks_.load();
        for (int part = 0; part < a_.parts(); ++part) {
            if (part > 0) {  // nothing may be left for this part
                a_.cmp(field(offsetof(KernelCall, lanes_left)), part * a_.lanes());
                a_.jle(nothing_left, VectorAssembler::T_NEAR);
            }
            emit_part(body, part);
        }
        a_.L(nothing_left);
        if (layout_ == Layout::contiguous) flush_sums();
    }

    void emit_part(PassBody& body, int part) {
        body.emit(part);
        const std::optional<Mask> mask = body.is_masked() ? std::optional(body.mask()) : std::nullopt;
        for (std::size_t i = 0; i < code_.plane_means.size(); ++i) {
            plane_sums_.add(i, part, body.load(code_.plane_means[i]), mask);
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

    int bytes_of_sums() const { return static_cast<int>(code_.plane_means.size()) * kernel_vector_bytes; }
    int bytes_of_doubles() const { return 2 * bytes_of_sums(); }

    /// Adds the sums, in double, to those of the call.
    void flush_sums() {
        if (!code_.plane_means.empty()) plane_sums_.add_to(sums_);
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
        plane_sums_.add_to(count_);
        plane_sums_.clear();
        a_.add(count_, bytes_of_doubles());
        a_.add(sums_, bytes_of_sums());
        a_.dec(columns_);
        a_.jnz(column, VectorAssembler::T_NEAR);
    }

    const PassCode& code_;
    Uses uses_;
    ElementType type_;
    Layout layout_;
    PassBody* body_ = nullptr;
    std::unique_ptr<VectorAssembler> assembler_;
    VectorAssembler& a_;
    const Reg64 call_ = a_.rdi, small_ = a_.rsi, rows_ = a_.rdx, columns_ = a_.rdx, left_ = a_.rcx, count_ = a_.r8,
                offset_ = a_.rax, sums_ = a_.r15, kept_ = a_.r14;
    const std::array<Reg64, most_tensors> tensors_{a_.r9, a_.r10, a_.r11, a_.rbx, a_.rbp, a_.r12, a_.r13};
    PlaneSums plane_sums_;
    PartialMasks masks_;
};

}  // namespace

std::unique_ptr<VectorAssembler> compile_kernel(const PassCode& code, ElementType type, Layout layout,
                                                InstructionSet set) {
    return Compilation(code, type, layout, set).run();
}

}  // namespace normact::evaluator::cpu
