#include "proxy_tasks/gan_networks.h"

#include "proxy_tasks/network.h"

#include <ATen/ops/conv2d.h>
#include <ATen/ops/leaky_relu.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/mv.h>
#include <ATen/ops/tanh.h>
#include <ATen/ops/upsample_nearest2d.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/upsampling.h>

#include <cmath>
#include <string>
#include <utility>

namespace normact::proxy_tasks {
namespace nn = torch::nn;

int enlargement(const Anchor& anchor) {
    int factor = 1;
    for (const Stage& stage : anchor.stages) factor *= stage.stride;
    return factor;
}

ImageGenerator::ImageGenerator(const Anchor& anchor, int channels, int side, const MakeLayer& layer)
    : small_side_(side / enlargement(anchor)) {
    std::int64_t width = anchor.stem.channels;
    start_ = register_module("start", nn::Linear(latent_numbers, width * small_side_ * small_side_));
    nn::Sequential body;
    body->push_back(layer(width));
    for (const Stage& stage : anchor.stages) {
        for (int i = 0; i < stage.blocks; ++i) {
            const auto factor = static_cast<double>(stage.stride);
            if (i == 0 && stage.stride > 1)
                body->push_back(nn::Upsample(nn::UpsampleOptions().scale_factor(std::vector{factor, factor})));
            body->push_back(convolution(width, stage.channels, stage.kernel, 1));
            body->push_back(layer(stage.channels));
            width = stage.channels;
        }
    }
    body_ = register_module("body", body);
    last_ = register_module("last", convolution(width, channels, 3, 1, 1, true));
    weights_in_channels_last(*this);
}

at::Tensor ImageGenerator::forward(const at::Tensor& latents) {
    const at::Tensor planes = start_(latents).view({latents.size(0), small_side_, small_side_, -1});
    return at::tanh(last_(body_->forward(planes.permute({0, 3, 1, 2}))));
}

void ImageGenerator::initialize(at::Generator& generator) {
    proxy_tasks::initialize(*this, generator);
    const torch::NoGradGuard no_grad;
    const auto draw = [&generator](at::Tensor& weight) {
        const auto fan_in = static_cast<double>(weight.numel()) / static_cast<double>(weight.size(0));
        weight.normal_(0, 1 / std::sqrt(fan_in), generator);
    };
    draw(start_->weight);
    draw(last_->weight);
}

Discriminator::Discriminator(const Anchor& anchor, int channels, int side) {
    std::int64_t width = channels;
    std::int64_t left = side;
    const auto convolve = [&](std::int64_t out, std::int64_t kernel, std::int64_t stride) {
        add({out, width, kernel, kernel}, stride);
        width = out;
    };
    convolve(anchor.stages.back().channels, 3, 1);
    for (std::size_t i = anchor.stages.size(); i-- > 0;) {
        const int stride = anchor.stages[i].stride;
        convolve(i > 0 ? anchor.stages[i - 1].channels : anchor.stem.channels, stride > 1 ? 4 : 3, stride);
        left /= stride;
    }
    add({1, width * left * left}, 1);
    last_ = convolutions_.back();
    convolutions_.pop_back();
    weights_in_channels_last(*this);
}

void Discriminator::add(std::vector<std::int64_t> shape, std::int64_t stride) {
    const std::string position = std::to_string(convolutions_.size());
    convolutions_.push_back({register_parameter("weight" + position, torch::empty(shape)),
                             register_parameter("bias" + position, torch::zeros({shape[0]})),
                             register_buffer("vector" + position, torch::empty({shape[0]})), stride});
}

/// The weight over its largest singular value, as the power iteration has it now.
at::Tensor Discriminator::normalized(Normalized& map) const {
    const at::Tensor matrix = map.weight.flatten(1);
    at::Tensor right;
    {
        const torch::NoGradGuard no_grad;
        const auto unit = [](const at::Tensor& vector) { return vector / (vector.norm() + 1e-12); };
        right = unit(at::mv(matrix.t(), map.vector));
        if (is_training()) map.vector.copy_(unit(at::mv(matrix, right)));
    }
    return map.weight / at::mv(matrix, right).dot(map.vector.clone());
}

at::Tensor Discriminator::forward(const at::Tensor& images) {
    constexpr double slope = 0.1;
    at::Tensor x = images;
    for (Normalized& map : convolutions_)
        x = at::leaky_relu(at::conv2d(x, normalized(map), map.bias, map.stride, 1), slope);
    return at::linear(x.flatten(1), normalized(last_), last_.bias).squeeze(1);
}

void Discriminator::initialize(at::Generator& generator) {
    const torch::NoGradGuard no_grad;
    const auto draw = [&generator](Normalized& map) {
        map.weight.normal_(0, 1, generator);  // its scale is divided out
        map.bias.zero_();
        map.vector.normal_(0, 1, generator);
        constexpr int iterations_ahead = 10;
        const at::Tensor matrix = map.weight.flatten(1);
        for (int i = 0; i < iterations_ahead; ++i) {
            map.vector.copy_(at::mv(matrix, at::mv(matrix.t(), map.vector)));
            map.vector.div_(map.vector.norm());
        }
        map.weight.div_(
            at::mv(matrix.t(), map.vector).norm());  // the optimizer's steps are meant for weights of size 1
    };
    for (Normalized& map : convolutions_) draw(map);
    draw(last_);
}

}  // namespace normact::proxy_tasks
