#include "proxy_tasks/network.h"

#include "proxy_tasks/unet.h"

#include <ATen/CPUGeneratorImpl.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/pooling.h>

#include <cmath>

namespace normact::proxy_tasks {
namespace nn = torch::nn;
namespace {

/// What maps images to features, and how many channels these have.
struct Body {
    nn::Sequential modules;
    std::int64_t channels;
};

/// Everything up to the layer before the pooling.
Body classifying_body(const Anchor& anchor, int input_channels, const MakeLayer& layer) {
    nn::Sequential body;
    body->push_back(convolution(input_channels, anchor.stem.channels, anchor.stem.kernel, anchor.stem.stride));
    std::int64_t channels = anchor.stem.channels;
    if (anchor.block == Block::inverted) body->push_back(layer(channels));
    if (anchor.stem.max_pool) body->push_back(nn::MaxPool2d(nn::MaxPool2dOptions(3).stride(2).padding(1)));
    for (const Stage& stage : anchor.stages) {
        for (int i = 0; i < stage.blocks; ++i) {
            body->push_back(block(anchor, stage, channels, i == 0 ? stage.stride : 1, layer));
            channels = stage.channels;
        }
    }
    if (anchor.head > 0) {
        body->push_back(convolution(channels, anchor.head, 1, 1));
        channels = anchor.head;
    }
    body->push_back(layer(channels));
    return {body, channels};
}

Body segmenting_body(const Anchor& anchor, int input_channels, const MakeLayer& layer) {
    nn::Sequential body;
    body->push_back(UNet(anchor, input_channels, layer));
    return {body, anchor.stages.front().channels};
}

}  // namespace

Network::Network(const Anchor& anchor, int input_channels, int classes, const MakeLayer& layer)
    : dense_(anchor.task == Task::segmentation) {
    const Body body =
        dense_ ? segmenting_body(anchor, input_channels, layer) : classifying_body(anchor, input_channels, layer);
    body_ = register_module("body", body.modules);
    classifier_ = register_module("classifier", nn::Linear(body.channels, classes));
    weights_in_channels_last(*this);
}

at::Tensor Network::features(const at::Tensor& images) {
    const at::Tensor features = body_->forward(images);
    return dense_ ? features.permute({0, 2, 3, 1}) : features.mean({2, 3});
}

at::Tensor Network::forward(const at::Tensor& images) {
    const at::Tensor logits = classifier_(features(images));
    return dense_ ? logits.permute({0, 3, 1, 2}) : logits;
}

void weights_in_channels_last(nn::Module& network) {
    for (at::Tensor& parameter : network.parameters()) {
        if (parameter.dim() == 4) parameter.set_data(parameter.contiguous(at::MemoryFormat::ChannelsLast));
    }
}

void initialize(nn::Module& network, at::Generator& generator) {
    const torch::NoGradGuard no_grad;
    for (const auto& module : network.modules(false)) {
        if (const auto* conv = module->as<nn::Conv2d>()) {
            const auto& weight = conv->weight;
            const std::int64_t fan_out = weight.numel() / weight.size(1) / conv->options.groups();
            weight.normal_(0, std::sqrt(2 / static_cast<double>(fan_out)), generator);
            if (conv->bias.defined()) conv->bias.zero_();
        } else if (const auto* linear = module->as<nn::Linear>()) {
            linear->weight.normal_(0, 0.01, generator);
            linear->bias.zero_();
        }
    }
}

}  // namespace normact::proxy_tasks
