#pragma once

#include "evaluator/cpu/kernel.h"
#include "evaluator/engine.h"
#include "evaluator/tensor_pool.h"

namespace normact::evaluator {

/// The fused engine `cpu`: a layer and its first and second derivative as programs, each a few sweeps over memory.
/// float32, and bfloat16 with float32 inside; contiguous and channels_last as they lie; any N, C, H, W of at least 1.
/// Keeps x, the parameters and moments for the backward pass. The same result to the last bit on any number of threads.
class CpuEngine : public Engine {
  public:
    /// `maker` must outlive the engine and its layers.
    CpuEngine(std::string_view name, const cpu::KernelMaker& maker)
        : name_(name), maker_(maker), pool_(TensorPool::make()) {}

    std::string_view name() const override { return name_; }
    std::unique_ptr<const CompiledLayer> compile(const primitives::LayerGraph& graph,
                                                 const primitives::LayerSettings& settings) const override;

  private:
    std::string_view name_;
    const cpu::KernelMaker& maker_;
    std::shared_ptr<TensorPool> pool_;
};

}  // namespace normact::evaluator
