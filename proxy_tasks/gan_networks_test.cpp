#include "proxy_tasks/gan_networks.h"

#include "proxy_tasks/batch_norm_relu.h"
#include "proxy_tasks/scorer.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/linalg_svdvals.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>
#include <torch/nn/modules/container/functional.h>

#include <array>

namespace normact::proxy_tasks {
namespace {

constexpr std::array names{"dcgan-tiny", "dcgan-half"};

at::Generator numbers(std::uint64_t seed) { return at::detail::createCPUGenerator(seed); }

TEST(ImageGenerator, makes_images_of_the_side_that_is_asked_for) {
    prepare_thread();
    const torch::NoGradGuard no_grad;
    for (const char* name : names) {
        for (const int side : {16, 24, 32}) {
            ImageGenerator network(find_anchor(name), 3, side, batch_norm_relu);
            at::Generator seed = numbers(1);
            network.initialize(seed);
            const at::Tensor images = network.forward(at::randn({8, latent_numbers}, seed));
            EXPECT_EQ(images.sizes(), (std::vector<std::int64_t>{8, 3, side, side}));
            EXPECT_LE(images.abs().max().item<float>(), 1);
            EXPECT_GT(images.std().item<float>(), 0.2) << "neither gray";
            EXPECT_LT(images.std().item<float>(), 0.85) << "nor black and white";
        }
    }
}

TEST(ImageGenerator, gets_a_gradient_through_the_discriminator_at_every_parameter) {
    prepare_thread();
    for (const char* name : names) {
        const Anchor& anchor = find_anchor(name);
        ImageGenerator generator(anchor, 3, 24, batch_norm_relu);
        Discriminator discriminator(anchor, 3, 24);
        at::Generator seed = numbers(1);
        generator.initialize(seed);
        discriminator.initialize(seed);
        discriminator.forward(generator.forward(at::randn({8, latent_numbers}, seed))).square().sum().backward();
        for (torch::nn::Module* network :
             {static_cast<torch::nn::Module*>(&generator), static_cast<torch::nn::Module*>(&discriminator)})
            for (const auto& [key, parameter] : network->named_parameters().pairs()) {
                ASSERT_TRUE(parameter.grad().defined()) << name << " " << key;
                EXPECT_GT(parameter.grad().abs().max().item<float>(), 0) << name << " " << key;
            }
    }
}

TEST(ImageGenerator, gives_the_layer_under_search_its_input_in_channels_last) {
    int seen = 0;
    const MakeLayer look = [&seen](std::int64_t) {
        return torch::nn::AnyModule(torch::nn::Functional([&seen](const at::Tensor& x) {
            seen += x.is_contiguous(at::MemoryFormat::ChannelsLast) ? 1 : -1000;
            return x;
        }));
    };
    ImageGenerator(find_anchor("dcgan-tiny"), 3, 32, look).forward(torch::rand({2, latent_numbers}));
    EXPECT_EQ(seen, 4);
}

/// A map of n inputs and a slope of at most 1: the score changes no more than the image, times the norm of each
/// convolution, which is at most (kernel / stride) times that of its weight as a matrix.
TEST(Discriminator, is_divided_by_the_largest_singular_values) {
    prepare_thread();
    Discriminator network(find_anchor("dcgan-tiny"), 3, 24);
    at::Generator seed = numbers(3);
    network.initialize(seed);
    const torch::NoGradGuard no_grad;
    const at::Tensor images = at::randn({4, 3, 24, 24}, seed);
    for (int i = 0; i < 50; ++i) network.forward(images);  // the power iterations end
    const at::Tensor scores = network.forward(images);
    for (at::Tensor& parameter : network.parameters()) {
        if (parameter.dim() < 2) continue;
        const at::Tensor largest = at::linalg_svdvals(parameter.flatten(1).contiguous())[0];
        parameter.div_(largest.item<float>());
    }
    // Weights that have the largest singular value 1 already are what the network computed with.
    EXPECT_LT((network.forward(images) - scores).abs().max().item<float>(), 0.01 * scores.abs().max().item<float>());
    network.eval();
    EXPECT_TRUE(at::equal(network.forward(images), network.forward(images))) << "iterates in training alone";
}

}  // namespace
}  // namespace normact::proxy_tasks
