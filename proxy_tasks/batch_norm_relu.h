#pragma once

#include <ATen/ops/relu.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/container/any.h>

namespace normact::proxy_tasks {

class BatchNormReluImpl : public torch::nn::Module {
  public:
    explicit BatchNormReluImpl(std::int64_t channels)
        : norm_(register_module("norm", torch::nn::BatchNorm2d(channels))) {}
    at::Tensor forward(const at::Tensor& x) { return at::relu(norm_(x)); }

  private:
    torch::nn::BatchNorm2d norm_;
};
TORCH_MODULE(BatchNormRelu);

/// Batch normalization and ReLU called directly, as a PyTorch user has them: what networks have that need no
/// engine: the yardstick of generators, tests, benchmarks.
inline torch::nn::AnyModule batch_norm_relu(std::int64_t channels) {
    return torch::nn::AnyModule(BatchNormRelu(channels));
}

}  // namespace normact::proxy_tasks
