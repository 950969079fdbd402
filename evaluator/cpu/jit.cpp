#include "evaluator/cpu/jit.h"

#include "evaluator/cpu/kernel_compiler.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <memory>
#include <vector>
#include <xbyak/xbyak_util.h>

namespace normact::evaluator::cpu {
namespace {

class JitKernel : public Kernel {
  public:
    JitKernel(const PassCode& code, ElementType type, Layout layout, InstructionSet set)
        : type_(type),
          layout_(layout),
          inputs_(code.inputs),
          outputs_(code.outputs.size()),
          small_values_(code.small_values),
          kept_values_(code.kept_values),
          sums_(code.plane_means.size()),
          code_(compile_kernel(code, type, layout, set)),
          function_(code_->getCode<void (*)(const KernelCall*)>()) {}

    void run(const KernelCall& call) const override {
        function_(&call);
        if (type_ == ElementType::float32 || call.lanes_left == 0) return;
        std::vector<double> sums(sums_ * kernel_lanes);
        std::vector<float> row_sums(sums.size());
        for (std::int64_t row = 0; row < call.rows; ++row) run_padded(call, row, sums, row_sums);
    }

  private:
    /// The partial vector of a row by way of a whole one; with scratch memory for its sums, `row_sums` being 0.
    void run_padded(const KernelCall& call, std::int64_t row, std::vector<double>& sums,
                    std::vector<float>& row_sums) const {
        using Padded = std::array<std::uint16_t, kernel_lanes>;
        std::array<Padded, most_tensors> padded{};
        std::array<const void*, most_tensors> inputs{};
        std::array<void*, most_tensors> outputs{};
        std::ranges::fill(sums, 0.0);
        const auto bytes = static_cast<std::size_t>(call.lanes_left) * sizeof(std::uint16_t);
        const auto behind = call.columns * static_cast<std::int64_t>(sizeof(Padded));
        const std::int64_t offset = row * (behind + call.gap) + behind;
        // Of small values and sums.
        const auto column = static_cast<std::size_t>(layout_ == Layout::contiguous ? row : call.columns) * kernel_lanes;
        const auto kept = static_cast<std::size_t>(row * (call.columns + 1) + call.columns) * kernel_lanes;
        for (std::size_t i = 0; i < inputs_; ++i) {
            std::memcpy(padded[i].data(), static_cast<const char*>(call.inputs[i]) + offset, bytes);
            inputs[i] = padded[i].data();
        }
        for (std::size_t i = 0; i < outputs_; ++i) outputs[i] = padded[inputs_ + i].data();
        const KernelCall one{.inputs = inputs.data(),
                             .outputs = outputs.data(),
                             .small_values = call.small_values + column * small_values_,
                             .sums = sums.data(),
                             .row_sums = row_sums.data(),
                             .kept = call.kept + kept * kept_values_,
                             .rows = 1,
                             .columns = 1,
                             .lanes_left = 0,
                             .gap = 0};
        function_(&one);
        for (std::size_t i = 0; i < outputs_; ++i)
            std::memcpy(static_cast<char*>(call.outputs[i]) + offset, outputs[i], bytes);
        for (std::size_t i = 0; i < sums_; ++i)
            for (std::int64_t l = 0; l < call.lanes_left; ++l)
                call.sums[column * sums_ + i * kernel_lanes + l] += sums[i * kernel_lanes + l];
    }

    ElementType type_;
    Layout layout_;
    std::size_t inputs_, outputs_, small_values_, kept_values_, sums_;
    std::unique_ptr<VectorAssembler> code_;
    void (*function_)(const KernelCall*);
};

class Jit : public KernelMaker {
  public:
    explicit Jit(InstructionSet set) : set_(set) {}
    std::string_view name() const override { return set_ == InstructionSet::avx2 ? "jit-avx2" : "jit-avx512"; }
    int lanes() const override { return kernel_lanes; }
    std::unique_ptr<const Kernel> make(const PassCode& code, ElementType type, Layout layout) const override {
        return std::make_unique<JitKernel>(code, type, layout, set_);
    }

  private:
    InstructionSet set_;
};

bool processor_has(InstructionSet set) {
    using Xbyak::util::Cpu;
    static const Cpu cpu;
    if (set == InstructionSet::avx2) return cpu.has(Cpu::tAVX2) && cpu.has(Cpu::tFMA);
    return cpu.has(Cpu::tAVX512F) && cpu.has(Cpu::tAVX512BW) && cpu.has(Cpu::tAVX512DQ) && cpu.has(Cpu::tAVX512VL);
}

}  // namespace

const KernelMaker* jit(InstructionSet set) {
    static const Jit avx2(InstructionSet::avx2), avx512(InstructionSet::avx512);
    if (!processor_has(set)) return nullptr;
    return set == InstructionSet::avx2 ? &avx2 : &avx512;
}

}  // namespace normact::evaluator::cpu
