#pragma once

#include "evaluator/cpu/compiled_program.h"
#include "evaluator/layer_function.h"
#include "evaluator/layer_programs.h"
#include "evaluator/tensor_pool.h"

#include <array>
#include <memory>
#include <mutex>
#include <vector>

namespace normact::evaluator {

/// A layer's programs in one mode and for one type of elements, compiled for the CPU when they are first asked for.
/// Runs on as many threads as LibTorch may use.
class CpuFunctions : public LayerFunctions {
  public:
    CpuFunctions(const primitives::LayerGraph& graph, const primitives::LayerSettings& settings, bool training,
                 const cpu::KernelMaker& maker, ElementType type, std::shared_ptr<TensorPool> pool);

    std::vector<at::Tensor> forward(at::TensorList inputs) const override;
    std::vector<at::Tensor> backward(at::TensorList inputs) const override;
    std::vector<at::Tensor> double_backward(at::TensorList inputs) const override;

    std::size_t inputs() const override { return programs_.forward.inputs.size(); }
    std::size_t differentiable() const override { return programs_.differentiable.size(); }
    std::size_t saved() const override { return programs_.saved.size(); }

    const LayerPrograms& programs() const { return programs_; }

  private:
    std::vector<at::Tensor> run(const cpu::CompiledProgram& compiled, at::TensorList tensors) const;

    primitives::LayerSettings settings_;
    const cpu::KernelMaker& maker_;
    ElementType type_;
    std::shared_ptr<TensorPool> pool_;
    LayerPrograms programs_;
    cpu::CompiledProgram forward_;
    mutable std::once_flag backward_once_, double_backward_once_;
    mutable std::unique_ptr<const cpu::CompiledProgram> backward_, double_backward_;
};

/// The functions of a layer in every mode, each compiled when it is first asked for. Safe from several threads.
class CpuModes {
  public:
    /// `graph` must be well formed; `maker` must outlive this and what it gives.
    CpuModes(primitives::LayerGraph graph, const primitives::LayerSettings& settings, const cpu::KernelMaker& maker,
             std::shared_ptr<TensorPool> pool);

    const primitives::LayerGraph& graph() const { return graph_; }

    /// Throws std::invalid_argument unless the type is float32 or bfloat16.
    std::shared_ptr<const CpuFunctions> functions(bool training, at::ScalarType type) const;

  private:
    primitives::LayerGraph graph_;
    primitives::LayerSettings settings_;
    const cpu::KernelMaker& maker_;
    std::shared_ptr<TensorPool> pool_;
    mutable std::array<std::once_flag, 4> once_;
    mutable std::array<std::shared_ptr<const CpuFunctions>, 4> functions_;
};

}  // namespace normact::evaluator
