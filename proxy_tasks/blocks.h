#pragma once

#include "proxy_tasks/anchors.h"

#include <torch/nn/modules/container/any.h>
#include <torch/nn/modules/conv.h>

#include <cstdint>
#include <functional>

namespace normact::proxy_tasks {

/// Makes a module that maps [N,C,H,W] to the same shape: the layer under search, for C channels.
using MakeLayer = std::function<torch::nn::AnyModule(std::int64_t channels)>;

/// A k×k convolution, padded so that stride 1 keeps the size; patches that do not overlap, of the stride's size, are
/// not padded.
torch::nn::Conv2d convolution(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride,
                              std::int64_t groups = 1, bool bias = false);

/// One block of a stage: [N,in,H,W] to [N,stage.channels,·,·].
torch::nn::AnyModule block(const Anchor& anchor, const Stage& stage, std::int64_t in, std::int64_t stride,
                           const MakeLayer& layer);

}  // namespace normact::proxy_tasks
