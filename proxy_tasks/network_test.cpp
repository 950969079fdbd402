#include "proxy_tasks/network.h"

#include "proxy_tasks/anchor_cost.h"
#include "proxy_tasks/batch_norm_relu.h"
#include "proxy_tasks/scorer.h"

#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>
#include <torch/nn/modules/container/functional.h>
#include <torch/nn/modules/conv.h>

#include <cmath>

namespace normact::proxy_tasks {
namespace {

std::int64_t parameters(const Network& network) {
    std::int64_t count = 0;
    for (const at::Tensor& parameter : network.parameters()) count += parameter.numel();
    return count;
}

std::int64_t parameters(const char* anchor) {
    return parameters(Network(find_anchor(anchor), 3, 1000, batch_norm_relu));
}

// The figures are those of torchvision (mobilenet_v2, efficientnet_b0) and timm (resnetv2_50, mobilenetv2_050).
TEST(Network, full_sizes_have_the_parameters_of_the_known_networks) {
    EXPECT_EQ(parameters("resnet-50"), 25'549'352);
    EXPECT_EQ(parameters("mobilenet-v2"), 3'504'872);
    EXPECT_EQ(parameters("efficientnet-b0"), 5'288'548);
    // timm's convnext_tiny has 28'589'128. It has biases in its convolutions and norms (two numbers a channel) and
    // LayerScale: 7 numbers a block's channel at its width, 4 at the inner one; stem 3 and downsampling 3 or 2, final
    // norm 2. Ours has the layer instead: 2 numbers a channel.
    constexpr int widths = 3 * 96 + 3 * 192 + 9 * 384 + 3 * 768;
    constexpr int theirs = widths * (1 + 2 + 4 + 1 + 1) + 96 * 3 + 2 * (96 + 192 + 384) + 192 + 384 + 768 + 768 * 2;
    constexpr int ours = widths * 4 * 2 + 2 * (96 + 192 + 384) + 768 * 2;
    EXPECT_EQ(parameters("convnext-t"), 28'589'128 - theirs + ours);
    // torchvision's features of vgg16_bn: 14'723'136, biases of the 4,224 channels before the norms included.
    EXPECT_EQ(parameters("vgg-16"), 14'723'136 - 4224 + 512 * 1000 + 1000);
}

TEST(Network, half_the_width_has_the_parameters_of_the_known_network) {
    EXPECT_EQ(parameters("mobilenet-v2-half"), 1'968'680);
}

TEST(Network, small_networks_have_the_parameters_one_counts_by_hand) {
    // Stem 3·8·9; block 8→16: 8·16·9 + 16·16·9 + shortcut 8·16; block 16→32: 16·32·9 + 32·32·9 + shortcut 16·32;
    // two numbers a channel for the layers 8, 16, 16, 32, 32; classifier 32·10 + 10.
    EXPECT_EQ(parameters(Network(find_anchor("resnet-micro"), 3, 10, batch_norm_relu)),
              216 + (1152 + 2304 + 128) + (4608 + 9216 + 512) + 2 * (8 + 16 + 16 + 32 + 32) + 330);
}

// bench/torch_anchors_test.py counts the same in PyTorch's words.
TEST(Network, anchors_of_the_presets_have_the_parameters_of_those_in_bench) {
    for (const auto& [anchor, count] :
         {std::pair("resnet-tiny", 77'850), std::pair("mobilenet-tiny", 21'866), std::pair("efficientnet-tiny", 26'100),
          std::pair("resnet-50-quarter", 1'484'186), std::pair("mobilenet-v2-half", 700'490),
          std::pair("efficientnet-b0-half", 1'077'932)})
        EXPECT_EQ(parameters(Network(find_anchor(anchor), 3, 10, batch_norm_relu)), count) << anchor;
}

TEST(Network, every_anchor_maps_images_of_any_side_to_logits) {
    prepare_thread();
    const torch::NoGradGuard no_grad;
    for (const Anchor& anchor : anchors()) {
        if (anchor.task == Task::generation) continue;
        Network network(anchor, 1, 7, batch_norm_relu);
        for (const std::int64_t side : {24, 33}) {
            if (side < smallest_side(anchor)) continue;
            const at::Tensor images = torch::rand({2, 1, side, side}).contiguous(at::MemoryFormat::ChannelsLast);
            const bool dense = anchor.task == Task::segmentation;
            const auto wanted = dense ? std::vector<std::int64_t>{2, 7, side, side} : std::vector<std::int64_t>{2, 7};
            EXPECT_EQ(network.forward(images).sizes(), wanted) << anchor.name;
        }
    }
}

TEST(Network, gradients_flow_to_every_parameter) {
    prepare_thread();
    for (const char* name : {"resnet-tiny", "efficientnet-tiny", "vgg-tiny", "vgg-16-half", "convnext-tiny",
                             "convnext-t-half", "unet-tiny", "unet-quarter"}) {
        Network network(find_anchor(name), 3, 5, batch_norm_relu);
        at::Generator generator = at::detail::createCPUGenerator(std::uint64_t{1});
        initialize(network, generator);
        const at::Tensor images = torch::rand({4, 3, 32, 32}).contiguous(at::MemoryFormat::ChannelsLast);
        network.forward(images).square().sum().backward();
        for (const auto& [key, parameter] : network.named_parameters().pairs()) {
            ASSERT_TRUE(parameter.grad().defined()) << name << " " << key;
            EXPECT_GT(parameter.grad().abs().max().item<float>(), 0) << name << " " << key;
        }
    }
}

TEST(Network, the_layer_under_search_gets_its_input_in_channels_last) {
    for (const char* name : {"resnet-tiny", "mobilenet-tiny", "efficientnet-tiny", "efficientnet-b0-half", "vgg-tiny",
                             "convnext-tiny", "unet-tiny"}) {
        int seen = 0;
        const MakeLayer look = [&seen](std::int64_t) {
            return torch::nn::AnyModule(torch::nn::Functional([&seen](const at::Tensor& x) {
                seen += x.is_contiguous(at::MemoryFormat::ChannelsLast) ? 1 : -1000;
                return x;
            }));
        };
        Network network(find_anchor(name), 3, 10, look);
        network.forward(torch::rand({2, 3, 24, 24}).contiguous(at::MemoryFormat::ChannelsLast));
        EXPECT_GT(seen, 0) << name;
    }
}

TEST(Network, initialization_depends_on_the_generator_alone) {
    const auto weights = [](std::uint64_t seed, std::uint64_t global_seed) {
        torch::manual_seed(global_seed);
        Network network(find_anchor("efficientnet-micro"), 3, 10, batch_norm_relu);
        at::Generator generator = at::detail::createCPUGenerator(seed);
        initialize(network, generator);
        std::vector<at::Tensor> flat;
        for (const at::Tensor& parameter : network.parameters()) flat.push_back(parameter.detach().reshape({-1}));
        return torch::cat(flat);
    };
    EXPECT_TRUE(at::equal(weights(1, 10), weights(1, 20)));
    EXPECT_FALSE(at::equal(weights(1, 10), weights(2, 10)));
}

TEST(Network, convolutions_start_with_the_deviation_of_he) {
    Network network(find_anchor("efficientnet-b0"), 3, 10, batch_norm_relu);
    at::Generator generator = at::detail::createCPUGenerator(std::uint64_t{1});
    initialize(network, generator);
    int checked = 0;
    for (const auto& module : network.modules(false)) {
        const auto* conv = module->as<torch::nn::Conv2d>();
        if (conv == nullptr || conv->weight.numel() < 5000) continue;
        const auto& options = conv->options;
        const auto kernel = static_cast<double>(options.kernel_size()->at(0));
        const std::int64_t outputs = options.out_channels() / options.groups();
        const double fan_out = kernel * kernel * static_cast<double>(outputs);
        // The deviation of n normal numbers is known to 1/√(2n), here below 1%: 5% are more than five of these.
        EXPECT_NEAR(conv->weight.std().item<double>() / std::sqrt(2 / fan_out), 1, 0.05);
        ++checked;
    }
    EXPECT_GT(checked, 30);
}

}  // namespace
}  // namespace normact::proxy_tasks
