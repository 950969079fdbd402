#pragma once

#include "evaluator/engine.h"

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include <memory>
#include <vector>

namespace normact::evaluator {

/// A layer as a module of a network. Parameters (those the graph uses): v0 = 0, v1 = 1, gamma = 1, beta = 0, each [C].
/// Buffers: one moving average [C] a batch moment, 0 for mean, 1 for rms and std. Modules may share a compiled layer.
class LayerModuleImpl : public torch::nn::Module {
  public:
    LayerModuleImpl(std::shared_ptr<const CompiledLayer> compiled, std::int64_t channels);

    /// x: [N,C,H,W], of the type of the parameters; the output has the shape, type and memory format of x.
    at::Tensor forward(const at::Tensor& x);

  private:
    std::shared_ptr<const CompiledLayer> compiled_;
    Parameters parameters_;
    std::vector<at::Tensor> averages_;
};
TORCH_MODULE(LayerModule);

}  // namespace normact::evaluator
