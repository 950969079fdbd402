#include "proxy_tasks/stability.h"

#include <torch/csrc/autograd/autograd.h>

#include <vector>

namespace normact::proxy_tasks {
namespace {

at::Tensor norm_of(const std::vector<at::Tensor>& tensors) {
    at::Tensor squares;
    for (const at::Tensor& tensor : tensors) {
        if (!tensor.defined()) continue;
        const at::Tensor square = tensor.square().sum();
        squares = squares.defined() ? squares + square : square;
    }
    return squares.sqrt();
}

}  // namespace

std::optional<BlowUp> find_blow_up(Network& network, const Batch& batch, const StabilityFilter& filter,
                                   const Checkpoint& checkpoint) {
    if (!anything_counts(batch)) return std::nullopt;
    std::vector<at::Tensor> weights = network.parameters();
    const auto rate = static_cast<float>(filter.learning_rate);
    for (int step = 0; step <= filter.steps; ++step) {
        checkpoint();
        const bool last = step == filter.steps;  // where the last ascent led is looked at, too
        const at::Tensor loss = at::cross_entropy_loss(network.forward(batch.images), batch.labels);
        const at::Tensor norm = norm_of(torch::autograd::grad({loss}, weights, {}, {}, !last, true));
        const double value = norm.item<float>();
        if (!(value <= filter.maximum_gradient_norm)) return BlowUp{step, value};  // also where it is NaN
        if (last) break;
        const auto ascent = torch::autograd::grad({norm.log()}, weights, {}, {}, false, true);
        const torch::NoGradGuard no_grad;
        for (std::size_t i = 0; i < weights.size(); ++i) {
            if (ascent[i].defined()) weights[i].add_(ascent[i], rate);
        }
    }
    return std::nullopt;
}

}  // namespace normact::proxy_tasks
