#include "proxy_tasks/anchor_cost.h"

#include "proxy_tasks/gan_networks.h"
#include "proxy_tasks/network.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/zeros.h>
#include <ATen/record_function.h>
#include <gtest/gtest.h>
#include <torch/nn/modules/container/functional.h>

#include <algorithm>
#include <memory>
#include <string_view>

namespace normact::proxy_tasks {
namespace {

/// What the papers print of networks of the same shape, in millions: 1801.04381 table 4, 1905.11946 table 2; 1512.03385
/// table 1 has its strides in the first convolution of a block and 3,800, those who set them in the second 4,100.
TEST(AnchorCost, has_the_multiply_adds_that_papers_print) {
    const auto millions = [](const char* name) {
        return static_cast<double>(anchor_cost(find_anchor(name), 3, 224).multiply_adds) / 1e6;
    };
    EXPECT_NEAR(millions("mobilenet-v2"), 300, 10);
    EXPECT_NEAR(millions("efficientnet-b0"), 390, 10);
    EXPECT_NEAR(millions("resnet-50"), 4100, 50);
    EXPECT_NEAR(millions("convnext-t"), 4500, 50) << "2201.03545 table 1";
    // 1409.1556 prints none. Counted by hand, the three fully connected layers left out: 15.35 thousand million.
    EXPECT_NEAR(millions("vgg-16"), 15347, 1);
}

std::vector<int> sides_of(const Anchor& anchor) {
    const bool generates = anchor.task == Task::generation;
    return {std::max(24, smallest_side(anchor)), generates ? 32 : 33};
}

/// What a convolution computes for one number of its output.
struct PerOutput : at::ObserverContext {
    std::int64_t multiply_adds = 0;
};

std::unique_ptr<at::ObserverContext> look_at_weight(const at::RecordFunction& call) {
    auto seen = std::make_unique<PerOutput>();
    if (std::string_view(call.name()) == "aten::convolution") {
        const at::Tensor weight = call.inputs()[1].toTensor();
        seen->multiply_adds = weight.numel() / weight.size(0);
    }
    return seen;
}

thread_local std::int64_t multiply_adds = 0;

void look_at_output(const at::RecordFunction& call, at::ObserverContext* context) {
    const std::int64_t each = static_cast<PerOutput*>(context)->multiply_adds;
    if (each > 0) multiply_adds += call.outputs()[0].toTensor().numel() * each;
}

void run_once(const Anchor& anchor, int side, const MakeLayer& layer) {
    if (anchor.task == Task::generation) {
        ImageGenerator(anchor, 3, side, layer).forward(at::zeros({1, latent_numbers}));
        Discriminator(anchor, 3, side).forward(at::zeros({1, 3, side, side}));
    } else {
        Network(anchor, 3, 2, layer).forward(at::zeros({1, 3, side, side}));
    }
}

/// What the network itself does: what passes through its layers, and what LibTorch says that its convolutions compute.
AnchorCost cost_seen(const Anchor& anchor, int side) {
    const at::NoGradGuard no_grad;
    std::int64_t elements = 0;
    const MakeLayer counter = [&elements](std::int64_t) {
        return torch::nn::AnyModule(torch::nn::Functional([&elements](const at::Tensor& x) {
            elements += x.numel();
            return x;
        }));
    };
    multiply_adds = 0;
    const auto handle = at::addThreadLocalCallback(at::RecordFunctionCallback(look_at_weight, look_at_output)
                                                       .needsInputs(true)
                                                       .needsOutputs(true)
                                                       .scopes({at::RecordScope::FUNCTION}));
    run_once(anchor, side, counter);
    at::removeCallback(handle);
    return {multiply_adds, elements};
}

TEST(AnchorCost, is_what_the_network_does) {
    for (const Anchor& anchor : anchors()) {
        for (const int side : sides_of(anchor)) {
            const AnchorCost cost = anchor_cost(anchor, 3, side), seen = cost_seen(anchor, side);
            EXPECT_EQ(cost.layer_elements, seen.layer_elements) << anchor.name << " " << side;
            EXPECT_EQ(cost.multiply_adds, seen.multiply_adds) << anchor.name << " " << side;
        }
    }
}

TEST(AnchorCost, knows_how_small_images_may_be) {
    EXPECT_EQ(smallest_side(find_anchor("convnext-t")), 32);
    EXPECT_EQ(smallest_side(find_anchor("convnext-tiny")), 8);
    EXPECT_EQ(smallest_side(find_anchor("vgg-tiny")), 4);
    EXPECT_EQ(smallest_side(find_anchor("unet-quarter")), 16);
    EXPECT_EQ(smallest_side(find_anchor("resnet-50")), 1) << "its convolutions are padded";
}

TEST(AnchorCost, orders_small_networks_as_a_clock_does) {
    const auto total = [](const char* name) { return anchor_cost(find_anchor(name), 3, 24).total(); };
    EXPECT_LT(total("mobilenet-tiny"), total("efficientnet-tiny"));
    EXPECT_LT(total("efficientnet-tiny"), total("resnet-tiny"));
    EXPECT_LT(total("resnet-micro"), total("mobilenet-tiny")) << "though it has more multiply-adds";
}

}  // namespace
}  // namespace normact::proxy_tasks
