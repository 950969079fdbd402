#pragma once

#include <gtest/gtest.h>
#include <torch/types.h>

#include <vector>

// What every optimizer must do, and on what their tests run them.
namespace normact::proxy_tasks {

/// A convolution's weight in channels_last and a vector, as a network has them.
inline std::vector<at::Tensor> some_parameters(at::ScalarType type = at::kFloat) {
    torch::manual_seed(1);
    std::vector<at::Tensor> parameters{torch::randn({6, 5, 3, 3}).contiguous(at::MemoryFormat::ChannelsLast),
                                       torch::randn({6})};
    for (at::Tensor& parameter : parameters) parameter = parameter.to(type).requires_grad_();
    return parameters;
}

/// A bowl, so that roundings die out; flat enough (curvature 0.1 to 4.5) that 50 steps do not reach its ground.
inline at::Tensor some_loss(const std::vector<at::Tensor>& parameters) {
    return 0.05 * (parameters[0] - parameters[1].view({-1, 1, 1, 1}) - 1).square().sum();
}

/// `first_gradients`: of the first parameter, 270 of them.
template <class Optimizer>
void expect_that_gradients_in_another_memory_format_are_read_right(const at::Tensor& first_gradients) {
    const auto make = [&](at::MemoryFormat format) {
        auto parameters = some_parameters();
        parameters[0].mutable_grad() = first_gradients.view({6, 5, 3, 3}).contiguous(format);
        Optimizer(parameters, 0.9, 0).step(0.1);
        return parameters[0].detach();
    };
    EXPECT_TRUE(at::equal(make(at::MemoryFormat::ChannelsLast), make(at::MemoryFormat::Contiguous)));
}

template <class Optimizer>
void expect_that_it_drops_the_gradients_and_leaves_parameters_without_one() {
    const auto parameters = some_parameters();
    const at::Tensor before = parameters[1].detach().clone();
    parameters[0].mutable_grad() = torch::ones_like(parameters[0]);
    Optimizer(parameters, 0.9, 0.1).step(0.1);
    EXPECT_FALSE(parameters[0].grad().defined());
    EXPECT_TRUE(at::equal(parameters[1], before));
}

}  // namespace normact::proxy_tasks
