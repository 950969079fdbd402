#include "proxy_tasks/network.h"

#include <ATen/CPUGeneratorImpl.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/pooling.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace normact::proxy_tasks {
namespace nn = torch::nn;
namespace {

nn::Conv2d convolution(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride,
                       std::int64_t groups = 1, bool bias = false) {
    return nn::Conv2d(  // NOLINT(modernize-return-braced-init-list): its constructor is explicit
        nn::Conv2dOptions(in, out, kernel).stride(stride).padding((kernel - 1) / 2).groups(groups).bias(bias));
}

/// x·gamma + beta, per channel.
class AffineImpl : public nn::Module {
  public:
    explicit AffineImpl(std::int64_t channels)
        : gamma_(register_parameter("gamma", torch::ones({channels}))),
          beta_(register_parameter("beta", torch::zeros({channels}))) {}

    at::Tensor forward(const at::Tensor& x) { return at::addcmul(beta_.view({-1, 1, 1}), x, gamma_.view({-1, 1, 1})); }

  private:
    at::Tensor gamma_, beta_;
};
TORCH_MODULE(Affine);

/// Channels weighed by a gate that looks at their averages (arXiv 1709.01507).
class SqueezeExciteImpl : public nn::Module {
  public:
    SqueezeExciteImpl(std::int64_t channels, std::int64_t squeezed, Gate gate)
        : silu_(gate == Gate::silu),
          reduce_(register_module("reduce", convolution(channels, squeezed, 1, 1, 1, true))),
          expand_(register_module("expand", convolution(squeezed, channels, 1, 1, 1, true))) {}

    at::Tensor forward(const at::Tensor& x) {
        const at::Tensor squeezed = reduce_(x.mean({2, 3}, true));
        return x * at::sigmoid(expand_(silu_ ? at::silu(squeezed) : at::relu(squeezed)));
    }

  private:
    bool silu_;
    nn::Conv2d reduce_, expand_;
};
TORCH_MODULE(SqueezeExcite);

/// Pre-activation residual block (arXiv 1603.05027): the layer before each convolution; where the shape changes, the
/// shortcut is a 1×1 convolution of the activated input.
class ResidualImpl : public nn::Module {
  public:
    ResidualImpl(const Anchor& anchor, const Stage& stage, std::int64_t in, std::int64_t stride,
                 const MakeLayer& layer) {
        const std::int64_t out = stage.channels;
        if (anchor.block == Block::bottleneck) {
            const std::int64_t inner = out / stage.expansion;
            add(layer, convolution(in, inner, 1, 1));
            add(layer, convolution(inner, inner, stage.kernel, stride));
            add(layer, convolution(inner, out, 1, 1));
        } else {
            add(layer, convolution(in, out, stage.kernel, stride));
            add(layer, convolution(out, out, stage.kernel, 1));
        }
        if (stride > 1 || in != out) shortcut_ = register_module("shortcut", convolution(in, out, 1, stride));
    }

    at::Tensor forward(const at::Tensor& x) {
        const at::Tensor activated = layers_.front().forward(x);
        at::Tensor y = convolutions_.front()(activated);
        for (std::size_t i = 1; i < layers_.size(); ++i) y = convolutions_[i](layers_[i].forward(y));
        return y.add_(shortcut_ ? shortcut_(activated) : x);
    }

  private:
    void add(const MakeLayer& layer, nn::Conv2d conv) {
        const std::string position = std::to_string(layers_.size());
        layers_.push_back(layer(conv->options.in_channels()));
        register_module("layer" + position, layers_.back().ptr());
        convolutions_.emplace_back(register_module("convolution" + position, std::move(conv)));
    }

    std::vector<nn::AnyModule> layers_;
    std::vector<nn::Conv2d> convolutions_;
    nn::Conv2d shortcut_{nullptr};
};
TORCH_MODULE(Residual);

/// Inverted residual block (arXiv 1801.04381), with squeeze-excite as in EfficientNet (1905.11946) where asked for.
class InvertedResidualImpl : public nn::Module {
  public:
    InvertedResidualImpl(const Anchor& anchor, const Stage& stage, std::int64_t in, std::int64_t stride,
                         const MakeLayer& layer)
        : residual_(stride == 1 && in == stage.channels) {
        const std::int64_t inner = in * stage.expansion;
        nn::Sequential body;
        if (stage.expansion > 1) {
            body->push_back(convolution(in, inner, 1, 1));
            body->push_back(layer(inner));
        }
        body->push_back(convolution(inner, inner, stage.kernel, stride, inner));
        body->push_back(layer(inner));
        if (anchor.squeeze > 0) {
            const auto squeezed = std::max(1, static_cast<int>(static_cast<double>(in) * anchor.squeeze));
            body->push_back(SqueezeExcite(inner, squeezed, anchor.gate));
        }
        body->push_back(convolution(inner, stage.channels, 1, 1));
        if (anchor.affine_projection) body->push_back(Affine(stage.channels));
        body_ = register_module("body", body);
    }

    at::Tensor forward(const at::Tensor& x) {
        at::Tensor y = body_->forward(x);
        return residual_ ? y.add_(x) : y;
    }

  private:
    bool residual_;
    nn::Sequential body_{nullptr};
};
TORCH_MODULE(InvertedResidual);

nn::AnyModule block(const Anchor& anchor, const Stage& stage, std::int64_t in, std::int64_t stride,
                    const MakeLayer& layer) {
    if (anchor.block == Block::inverted) return nn::AnyModule(InvertedResidual(anchor, stage, in, stride, layer));
    return nn::AnyModule(Residual(anchor, stage, in, stride, layer));
}

}  // namespace

Network::Network(const Anchor& anchor, int input_channels, int classes, const MakeLayer& layer) {
    body_->push_back(convolution(input_channels, anchor.stem.channels, anchor.stem.kernel, anchor.stem.stride));
    std::int64_t channels = anchor.stem.channels;
    if (anchor.block == Block::inverted) body_->push_back(layer(channels));
    if (anchor.stem.max_pool) body_->push_back(nn::MaxPool2d(nn::MaxPool2dOptions(3).stride(2).padding(1)));
    for (const Stage& stage : anchor.stages) {
        for (int i = 0; i < stage.blocks; ++i) {
            body_->push_back(block(anchor, stage, channels, i == 0 ? stage.stride : 1, layer));
            channels = stage.channels;
        }
    }
    if (anchor.head > 0) {
        body_->push_back(convolution(channels, anchor.head, 1, 1));
        channels = anchor.head;
    }
    body_->push_back(layer(channels));
    register_module("body", body_);
    classifier_ = register_module("classifier", nn::Linear(channels, classes));
    for (at::Tensor& parameter : parameters()) {
        if (parameter.dim() == 4) parameter.set_data(parameter.contiguous(at::MemoryFormat::ChannelsLast));
    }
}

at::Tensor Network::forward(const at::Tensor& images) { return classifier_(body_->forward(images).mean({2, 3})); }

void initialize(Network& network, at::Generator& generator) {
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
