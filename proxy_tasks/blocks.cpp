#include "proxy_tasks/blocks.h"

#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/pooling.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace normact::proxy_tasks {
namespace nn = torch::nn;

nn::Conv2d convolution(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride, std::int64_t groups,
                       bool bias) {
    const std::int64_t padding = kernel == stride ? 0 : (kernel - 1) / 2;
    return nn::Conv2d(  // NOLINT(modernize-return-braced-init-list): its constructor is explicit
        nn::Conv2dOptions(in, out, kernel).stride(stride).padding(padding).groups(groups).bias(bias));
}

namespace {

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

/// Convolutions in a row, as in VGG (arXiv 1409.1556): the layer of the convolution before, then this one's pooling.
class PlainImpl : public nn::Module {
  public:
    PlainImpl(const Stage& stage, std::int64_t in, std::int64_t stride, const MakeLayer& layer) {
        nn::Sequential body;
        body->push_back(layer(in));
        if (stride > 1) body->push_back(nn::MaxPool2d(nn::MaxPool2dOptions(stride)));
        body->push_back(convolution(in, stage.channels, stage.kernel, 1));
        body_ = register_module("body", body);
    }

    at::Tensor forward(const at::Tensor& x) { return body_->forward(x); }

  private:
    nn::Sequential body_{nullptr};
};
TORCH_MODULE(Plain);

/// The block of ConvNeXt (arXiv 2201.03545) with one layer for its norm and its activation. The layer stands where the
/// activation is, between the two 1×1 convolutions, which would be one linear map without it; the norm, which stands
/// before them there, moves behind the first one to it. Where the shape changes the layer is in the norm's place.
/// LayerScale and biases are left out.
class ConvNextImpl : public nn::Module {
  public:
    ConvNextImpl(const Stage& stage, std::int64_t in, std::int64_t stride, const MakeLayer& layer) {
        const std::int64_t out = stage.channels, inner = out * stage.expansion;
        if (stride > 1 || in != out) {
            nn::Sequential change;
            change->push_back(layer(in));
            change->push_back(convolution(in, out, stride, stride));
            change_ = register_module("change", change);
        }
        nn::Sequential body;
        body->push_back(convolution(out, out, stage.kernel, 1, out));
        body->push_back(convolution(out, inner, 1, 1));
        body->push_back(layer(inner));
        body->push_back(convolution(inner, out, 1, 1));
        body_ = register_module("body", body);
    }

    at::Tensor forward(const at::Tensor& x) {
        const at::Tensor changed = change_ ? change_->forward(x) : x;
        return body_->forward(changed).add_(changed);
    }

  private:
    nn::Sequential change_{nullptr}, body_{nullptr};
};
TORCH_MODULE(ConvNext);

}  // namespace

nn::AnyModule block(const Anchor& anchor, const Stage& stage, std::int64_t in, std::int64_t stride,
                    const MakeLayer& layer) {
    switch (anchor.block) {
        case Block::inverted:
            return nn::AnyModule(InvertedResidual(anchor, stage, in, stride, layer));
        case Block::plain:
            return nn::AnyModule(Plain(stage, in, stride, layer));
        case Block::convnext:
            return nn::AnyModule(ConvNext(stage, in, stride, layer));
        default:
            return nn::AnyModule(Residual(anchor, stage, in, stride, layer));
    }
}

}  // namespace normact::proxy_tasks
