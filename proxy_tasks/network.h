#pragma once

#include "proxy_tasks/anchors.h"

#include <ATen/core/Generator.h>
#include <torch/nn/module.h>
#include <torch/nn/modules/container/any.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/linear.h>

#include <cstdint>
#include <functional>

namespace normact::proxy_tasks {

/// Makes a module that maps [N,C,H,W] to the same shape: the layer under search, for C channels.
using MakeLayer = std::function<torch::nn::AnyModule(std::int64_t channels)>;

/// An anchor as a trainable network, its weights in channels_last.
class Network : public torch::nn::Module {
  public:
    Network(const Anchor& anchor, int input_channels, int classes, const MakeLayer& layer);

    /// images: float [N,C,H,W], channels_last. Returns logits [N,classes].
    at::Tensor forward(const at::Tensor& images);

  private:
    torch::nn::Sequential body_;
    torch::nn::Linear classifier_{nullptr};
};

/// Draws all weights anew from the generator alone: convolutions normal with standard deviation √(2 / fan-out) (He,
/// arXiv 1502.01852; fan-out k·k·outputs/groups), the classifier normal with 0.01; their biases 0. The layers under
/// search keep their own start.
void initialize(Network& network, at::Generator& generator);

}  // namespace normact::proxy_tasks
