#pragma once

#include "proxy_tasks/anchors.h"
#include "proxy_tasks/blocks.h"

#include <ATen/core/Generator.h>
#include <torch/nn/module.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/linear.h>

#include <cstdint>

namespace normact::proxy_tasks {

/// An anchor that classifies or segments, as a trainable network, its weights in channels_last.
class Network : public torch::nn::Module {
  public:
    Network(const Anchor& anchor, int input_channels, int classes, const MakeLayer& layer);

    /// images: float [N,C,H,W], channels_last. Returns logits [N,classes], or [N,classes,H,W] of a segmentation.
    at::Tensor forward(const at::Tensor& images);

    /// What the linear classifier gets: [N,features], or [N,H,W,features] of a segmentation.
    at::Tensor features(const at::Tensor& images);

  private:
    bool dense_;  // a class a pixel
    torch::nn::Sequential body_{nullptr};
    torch::nn::Linear classifier_{nullptr};
};

/// Lays the weights of convolutions in memory as the images are.
void weights_in_channels_last(torch::nn::Module& network);

/// Draws all weights anew from the generator alone: convolutions normal with standard deviation √(2 / fan-out) (He,
/// arXiv 1502.01852; fan-out k·k·outputs/groups), linear maps normal with 0.01; their biases 0. The layers under
/// search keep their own start.
void initialize(torch::nn::Module& network, at::Generator& generator);

}  // namespace normact::proxy_tasks
