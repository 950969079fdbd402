#include "proxy_tasks/adamw.h"

#include "proxy_tasks/optimizer_conformance.h"
#include "proxy_tasks/sgd.h"

#include <gtest/gtest.h>
#include <torch/optim/adamw.h>

#include <algorithm>

namespace normact::proxy_tasks {
namespace {

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
    expect_that_gradients_in_another_memory_format_are_read_right<AdamW>(torch::linspace(-1, 1, 270));
}

TEST(AdamW, drops_the_gradients_and_leaves_parameters_without_one) {
    expect_that_it_drops_the_gradients_and_leaves_parameters_without_one<AdamW>();
}

}  // namespace
}  // namespace normact::proxy_tasks
