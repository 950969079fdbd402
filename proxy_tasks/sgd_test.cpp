#include "proxy_tasks/sgd.h"

#include "proxy_tasks/optimizer_conformance.h"

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
    expect_that_gradients_in_another_memory_format_are_read_right<NesterovSgd>(torch::arange(270.0F));
}

TEST(NesterovSgd, drops_the_gradients_and_leaves_parameters_without_one) {
    expect_that_it_drops_the_gradients_and_leaves_parameters_without_one<NesterovSgd>();
}

}  // namespace
}  // namespace normact::proxy_tasks
