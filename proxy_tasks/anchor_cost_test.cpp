#include "proxy_tasks/anchor_cost.h"

#include "proxy_tasks/network.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>
#include <torch/nn/modules/container/functional.h>

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
}

/// What passes through the layers of the network itself.
std::int64_t elements_seen(const Anchor& anchor, int side) {
    const at::NoGradGuard no_grad;
    std::int64_t elements = 0;
    const MakeLayer counter = [&elements](std::int64_t) {
        return torch::nn::AnyModule(torch::nn::Functional([&elements](const at::Tensor& x) {
            elements += x.numel();
            return x;
        }));
    };
    Network(anchor, 3, 2, counter).forward(at::zeros({1, 3, side, side}));
    return elements;
}

TEST(AnchorCost, counts_what_passes_through_the_layers) {
    for (const Anchor& anchor : anchors())
        for (const int side : {24, 33})
            EXPECT_EQ(anchor_cost(anchor, 3, side).layer_elements, elements_seen(anchor, side)) << anchor.name;
}

TEST(AnchorCost, orders_small_networks_as_a_clock_does) {
    const auto total = [](const char* name) { return anchor_cost(find_anchor(name), 3, 24).total(); };
    EXPECT_LT(total("mobilenet-tiny"), total("efficientnet-tiny"));
    EXPECT_LT(total("efficientnet-tiny"), total("resnet-tiny"));
    EXPECT_LT(total("resnet-micro"), total("mobilenet-tiny")) << "though it has more multiply-adds";
}

}  // namespace
}  // namespace normact::proxy_tasks
