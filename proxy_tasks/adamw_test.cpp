#include "proxy_tasks/adamw.h"

#include "proxy_tasks/sgd.h"

#include <gtest/gtest.h>
#include <torch/optim/adamw.h>

#include <algorithm>

namespace normact::proxy_tasks {
namespace {

/// A convolution's weight in channels_last and a vector, as a network has them.
std::vector<at::Tensor> some_parameters(at::ScalarType type = at::kFloat) {
    torch::manual_seed(1);
    std::vector<at::Tensor> parameters{torch::randn({6, 5, 3, 3}).contiguous(at::MemoryFormat::ChannelsLast),
                                       torch::randn({6})};
    for (at::Tensor& parameter : parameters) parameter = parameter.to(type).requires_grad_();
    return parameters;
}

at::Tensor some_loss(const std::vector<at::Tensor>& parameters) {
    return 0.05 * (parameters[0] - parameters[1].view({-1, 1, 1, 1}) - 1).square().sum();
}

/// torch::optim::AdamW in double, with two groups: what is per channel is spared from weight decay.
torch::optim::AdamW reference_for(const std::vector<at::Tensor>& parameters, double weight_decay) {
    const auto options = [](double decay) {
        return std::make_unique<torch::optim::AdamWOptions>(
            torch::optim::AdamWOptions().betas({0.8, 0.999}).weight_decay(decay));
    };
    return torch::optim::AdamW(  // NOLINT(modernize-return-braced-init-list): its constructor is explicit
        std::vector<torch::optim::OptimizerParamGroup>{{{parameters[0]}, options(weight_decay)},
                                                       {{parameters[1]}, options(0)}},
        torch::optim::AdamWOptions());
}

double distance_to_torch(double weight_decay) {
    const auto ours = some_parameters(), theirs = some_parameters(at::kDouble);
    AdamW optimizer(ours, 0.8, weight_decay);
    torch::optim::AdamW reference = reference_for(theirs, weight_decay);
    for (int step = 0; step < 50; ++step) {
        const double rate = learning_rate(Schedule::cosine, 0.05, step, 50);
        for (auto& group : reference.param_groups()) static_cast<torch::optim::AdamWOptions&>(group.options()).lr(rate);
        reference.zero_grad();
        some_loss(ours).backward();
        some_loss(theirs).backward();
        optimizer.step(rate);
        reference.step();
    }
    const torch::NoGradGuard no_grad;
    return std::max((ours[0] - theirs[0]).abs().max().item<double>(), (ours[1] - theirs[1]).abs().max().item<double>());
}

// Numbers below 4, and 50 steps with a few roundings each of 2^-24 relative: at most about 50·4·4·2^-24 = 5e-5.
constexpr double rounding = 5e-5;

TEST(AdamW, takes_the_steps_of_torch) { EXPECT_LT(distance_to_torch(0.5), rounding); }
TEST(AdamW, without_weight_decay_is_adam) { EXPECT_LT(distance_to_torch(0), rounding); }

TEST(AdamW, gradients_in_another_memory_format_are_read_right) {
    const auto make = [](at::MemoryFormat format) {
        auto parameters = some_parameters();
        parameters[0].mutable_grad() = torch::linspace(-1, 1, 270).view({6, 5, 3, 3}).contiguous(format);
        AdamW(parameters, 0.9, 0).step(0.1);
        return parameters[0].detach();
    };
    EXPECT_TRUE(at::equal(make(at::MemoryFormat::ChannelsLast), make(at::MemoryFormat::Contiguous)));
}

TEST(AdamW, drops_the_gradients_and_leaves_parameters_without_one) {
    const auto parameters = some_parameters();
    const at::Tensor before = parameters[1].detach().clone();
    parameters[0].mutable_grad() = torch::ones_like(parameters[0]);
    AdamW(parameters, 0.9, 0.1).step(0.1);
    EXPECT_FALSE(parameters[0].grad().defined());
    EXPECT_TRUE(at::equal(parameters[1], before));
}

}  // namespace
}  // namespace normact::proxy_tasks
