#include "proxy_tasks/unet.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/upsample_nearest2d.h>
#include <torch/nn/modules/pooling.h>

#include <string>

namespace normact::proxy_tasks {
namespace nn = torch::nn;
namespace {

void add_convolutions(nn::Sequential& body, std::int64_t in, const Stage& stage, const MakeLayer& layer) {
    for (int i = 0; i < stage.blocks; ++i) {
        body->push_back(convolution(i == 0 ? in : stage.channels, stage.channels, stage.kernel, 1));
        body->push_back(layer(stage.channels));
    }
}

}  // namespace

UNetImpl::UNetImpl(const Anchor& anchor, std::int64_t input_channels, const MakeLayer& layer) {
    std::int64_t channels = anchor.stem.channels;
    for (const Stage& stage : anchor.stages) {
        nn::Sequential level;
        if (encoder_.empty()) {
            level->push_back(convolution(input_channels, channels, anchor.stem.kernel, anchor.stem.stride));
            level->push_back(layer(channels));
        }
        if (stage.stride > 1) level->push_back(nn::MaxPool2d(nn::MaxPool2dOptions(stage.stride)));
        add_convolutions(level, channels, stage, layer);
        encoder_.emplace_back(register_module("encoder" + std::to_string(encoder_.size()), level));
        channels = stage.channels;
    }
    for (std::size_t i = 0; i + 1 < anchor.stages.size(); ++i) {
        const Stage& stage = anchor.stages[i];
        nn::Sequential level;
        add_convolutions(level, stage.channels + anchor.stages[i + 1].channels, stage, layer);
        decoder_.emplace_back(register_module("decoder" + std::to_string(i), level));
    }
}

at::Tensor UNetImpl::forward(const at::Tensor& images) {
    std::vector<at::Tensor> levels;
    at::Tensor x = images;
    for (nn::Sequential& level : encoder_) levels.push_back(x = level->forward(x));
    for (std::size_t i = decoder_.size(); i-- > 0;) {
        const at::Tensor& same_size = levels[i];
        const at::Tensor enlarged = at::upsample_nearest2d(x, same_size.sizes().slice(2));
        x = decoder_[i]->forward(at::cat({same_size, enlarged}, 1));
    }
    return x;
}

}  // namespace normact::proxy_tasks
