#include "proxy_tasks/stability.h"

#include "evaluator/layer_module.h"
#include "primitives/catalogue.h"
#include "primitives/text.h"
#include "proxy_tasks/scorer.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/full.h>
#include <gtest/gtest.h>
#include <torch/nn/modules/container/any.h>

#include <cmath>

namespace normact::proxy_tasks {
namespace {

Network network_with(const char* layer, const char* anchor) {
    const auto* entry = primitives::find_in_catalogue(layer);
    const auto graph = entry != nullptr ? entry->layer.graph : primitives::parse_text(layer);
    Network network(find_anchor(anchor), 3, 10, [&graph](std::int64_t channels) {
        return torch::nn::AnyModule(evaluator::LayerModule(
            evaluator::find_engine("cpu").compile(graph, primitives::LayerSettings{}), channels));
    });
    at::Generator generator = at::detail::createCPUGenerator(std::uint64_t{1});
    initialize(network, generator);
    return network;
}

Batch some_images() {
    const Dataset dataset = load_dataset({.name = "synthetic", .folder = ""});
    Batch batch = whole_images(dataset, dataset.train, 0, 8);
    batch.images = batch.images.slice(2, 0, 16).slice(3, 0, 16).contiguous(at::MemoryFormat::ChannelsLast);
    return batch;
}

std::optional<BlowUp> ascend(const char* layer, const char* anchor, const StabilityFilter& filter = {}) {
    prepare_thread();
    Network network = network_with(layer, anchor);
    return find_blow_up(network, some_images(), filter, [] {});
}

class Stable : public testing::TestWithParam<const char*> {};
TEST_P(Stable, layers_that_people_train_with_pass_in_every_family) {
    for (const char* anchor : {"resnet-micro", "mobilenet-micro", "efficientnet-micro"}) {
        const auto blow_up = ascend(GetParam(), anchor);
        EXPECT_FALSE(blow_up) << anchor << " after " << blow_up->step << ": " << blow_up->gradient_norm;
    }
}
INSTANTIATE_TEST_SUITE_P(Stability, Stable,
                         testing::Values("BN-ReLU", "GN-ReLU", "EvoNorm-B0", "EvoNorm-S0", "tanh(x)"));

class Unstable : public testing::TestWithParam<const char*> {};
TEST_P(Unstable, layers_that_let_activations_grow_blow_up_soon) {
    const auto blow_up = ascend(GetParam(), "mobilenet-micro");
    ASSERT_TRUE(blow_up);
    EXPECT_LT(blow_up->step, 10);
}
INSTANTIATE_TEST_SUITE_P(Stability, Unstable,
                         testing::Values("x*x", "exp(x)", "x*square(x)", "square(x)/mean_batch(x)"));

TEST(Stability, relu_without_normalization_blows_up_later_and_not_a_step_before_it_does) {
    const auto blow_up = ascend("ReLU", "mobilenet-micro");
    ASSERT_TRUE(blow_up);
    ASSERT_GT(blow_up->step, 5);
    ASSERT_LT(blow_up->step, 100);
    StabilityFilter filter;
    filter.steps = blow_up->step;
    const auto just_seen = ascend("ReLU", "mobilenet-micro", filter);
    ASSERT_TRUE(just_seen);
    EXPECT_EQ(just_seen->step, blow_up->step);
    filter.steps = blow_up->step - 1;
    EXPECT_FALSE(ascend("ReLU", "mobilenet-micro", filter));
}

TEST(Stability, a_gradient_above_the_largest_allowed_one_is_reported_before_the_first_step) {
    StabilityFilter filter;
    filter.maximum_gradient_norm = 1e-9;
    const auto blow_up = ascend("BN-ReLU", "resnet-micro", filter);
    ASSERT_TRUE(blow_up);
    EXPECT_EQ(blow_up->step, 0);
    EXPECT_GT(blow_up->gradient_norm, 1e-9);
}

TEST(Stability, masks_without_a_pixel_that_counts_reject_no_layer) {
    prepare_thread();
    Network network = network_with("BN-ReLU", "unet-tiny");
    Batch batch = some_images();
    batch.labels = at::full({8, 32, 32}, ignored, at::kLong);
    EXPECT_FALSE(find_blow_up(network, batch, {}, [] {}));
}

/// The norm of the loss's gradient, by plain backward.
double gradient_norm(Network& network, const Batch& batch) {
    at::cross_entropy_loss(network.forward(batch.images), batch.labels).backward();
    double squares = 0;
    for (at::Tensor& parameter : network.parameters()) {
        squares += parameter.grad().square().sum().item<double>();
        parameter.mutable_grad().reset();
    }
    return std::sqrt(squares);
}

TEST(Stability, a_small_step_raises_the_log_of_the_norm_by_its_squared_slope) {
    prepare_thread();
    Network network = network_with("EvoNorm-S0", "resnet-micro");
    const Batch batch = some_images();
    const double before = gradient_norm(network, batch);
    std::vector<at::Tensor> old;
    for (const at::Tensor& parameter : network.parameters()) old.push_back(parameter.detach().clone());
    StabilityFilter filter;
    filter.steps = 1;
    filter.learning_rate = 1e-3;
    EXPECT_FALSE(find_blow_up(network, batch, filter, [] {}));
    double squared_length = 0;
    for (std::size_t i = 0; i < old.size(); ++i) {
        squared_length += (network.parameters()[i].detach() - old[i]).square().sum().item<double>();
    }
    // First order in the step: |slope|² · rate = |step|² / rate. Curvature takes its share, below a tenth here.
    const double promised = squared_length / filter.learning_rate;
    EXPECT_NEAR(std::log(gradient_norm(network, batch) / before) / promised, 1, 0.1);
}

}  // namespace
}  // namespace normact::proxy_tasks
