#include "proxy_tasks/sgd.h"

#include <gtest/gtest.h>
#include <torch/optim/sgd.h>

#include <cmath>

namespace normact::proxy_tasks {
namespace {

TEST(LearningRate, is_constant_or_falls_along_half_a_cosine) {
    EXPECT_EQ(learning_rate(Schedule::constant, 0.1, 399, 400), 0.1);
    EXPECT_DOUBLE_EQ(learning_rate(Schedule::cosine, 0.1, 0, 400), 0.1);
    EXPECT_DOUBLE_EQ(learning_rate(Schedule::cosine, 0.1, 200, 400), 0.05);
    EXPECT_NEAR(learning_rate(Schedule::cosine, 0.1, 100, 400), 0.1 * (1 + std::sqrt(0.5)) / 2, 1e-15);
    EXPECT_LT(learning_rate(Schedule::cosine, 0.1, 399, 400), 1e-5);
    EXPECT_GT(learning_rate(Schedule::cosine, 0.1, 399, 400), 0);
}

/// A convolution's weight in channels_last and a vector, as a network has them.
std::vector<at::Tensor> some_parameters() {
    torch::manual_seed(1);
    return {torch::randn({6, 5, 3, 3}).contiguous(at::MemoryFormat::ChannelsLast).requires_grad_(),
            torch::randn({6}).requires_grad_()};
}

/// A bowl, so that roundings die out; flat enough (curvature 0.1 to 4.5) that 50 steps do not reach its ground.
at::Tensor some_loss(const std::vector<at::Tensor>& parameters) {
    return 0.05 * (parameters[0] - parameters[1].view({-1, 1, 1, 1}) - 1).square().sum();
}

/// How far our parameters are from those of torch::optim::SGD after 50 steps at changing rates.
double distance_to_torch(double momentum, double weight_decay) {
    const auto ours = some_parameters(), theirs = some_parameters();
    NesterovSgd optimizer(ours, momentum, weight_decay);
    // Two groups, as ours spares what is per channel from weight decay.
    const auto options = [&](double decay) {
        return std::make_unique<torch::optim::SGDOptions>(
            torch::optim::SGDOptions(0.1).momentum(momentum).nesterov(momentum > 0).weight_decay(decay));
    };
    torch::optim::SGD reference(
        std::vector<torch::optim::OptimizerParamGroup>{{{theirs[0]}, options(weight_decay)}, {{theirs[1]}, options(0)}},
        torch::optim::SGDOptions(0.1));
    for (int step = 0; step < 50; ++step) {
        const double rate = learning_rate(Schedule::cosine, 0.1, step, 50);
        for (auto& group : reference.param_groups()) static_cast<torch::optim::SGDOptions&>(group.options()).lr(rate);
        reference.zero_grad();
        some_loss(ours).backward();
        some_loss(theirs).backward();
        optimizer.step(rate);
        reference.step();
    }
    const torch::NoGradGuard no_grad;
    return std::max((ours[0] - theirs[0]).abs().max().item<double>(), (ours[1] - theirs[1]).abs().max().item<double>());
}

// Numbers below 4 and 50 steps with a few roundings each, of 2^-24 relative: at most about 50·3·4·2^-24 = 4e-5.
constexpr double rounding = 4e-5;

TEST(NesterovSgd, takes_the_steps_of_torch) { EXPECT_LT(distance_to_torch(0.9, 0.01), rounding); }
TEST(NesterovSgd, takes_the_steps_of_torch_without_weight_decay) { EXPECT_LT(distance_to_torch(0.9, 0), rounding); }
TEST(NesterovSgd, takes_the_steps_of_torch_without_momentum) { EXPECT_LT(distance_to_torch(0, 0.01), rounding); }

TEST(NesterovSgd, gradients_in_another_memory_format_are_read_right) {
    const auto make = [](at::MemoryFormat format) {
        auto parameters = some_parameters();
        parameters[0].mutable_grad() = torch::arange(270.0F).view({6, 5, 3, 3}).contiguous(format);
        NesterovSgd(parameters, 0.9, 0).step(0.1);
        return parameters[0].detach();
    };
    EXPECT_TRUE(at::equal(make(at::MemoryFormat::ChannelsLast), make(at::MemoryFormat::Contiguous)));
}

TEST(NesterovSgd, drops_the_gradients_and_leaves_parameters_without_one) {
    const auto parameters = some_parameters();
    const at::Tensor before = parameters[1].detach().clone();
    parameters[0].mutable_grad() = torch::ones_like(parameters[0]);
    NesterovSgd(parameters, 0.9, 0.1).step(0.1);
    EXPECT_FALSE(parameters[0].grad().defined());
    EXPECT_TRUE(at::equal(parameters[1], before));
}

}  // namespace
}  // namespace normact::proxy_tasks
