#include "proxy_tasks/anchor_cost.h"

#include <algorithm>

namespace normact::proxy_tasks {
namespace {

/// Follows an image through the network as network.cpp builds it.
class Walk {
  public:
    Walk(int channels, int side) : channels_(channels), side_(side) {}

    void stem(const Anchor& anchor) {
        convolve(anchor.stem.channels, anchor.stem.kernel, anchor.stem.stride);
        if (anchor.block == Block::inverted) layer();
        if (anchor.stem.max_pool) halve(2);
    }

    void block(const Anchor& anchor, const Stage& stage, int stride) {
        anchor.block == Block::inverted ? inverted(anchor, stage, stride) : residual(anchor, stage, stride);
    }

    void end(const Anchor& anchor) {
        if (anchor.head > 0) convolve(anchor.head, 1, 1);
        layer();
    }

    AnchorCost cost() const { return cost_; }

  private:
    void halve(int stride) { side_ = (side_ + stride - 1) / stride; }
    std::int64_t pixels() const { return side_ * side_; }

    void layer() { cost_.layer_elements += pixels() * channels_; }

    void convolve(std::int64_t out, std::int64_t kernel, int stride, std::int64_t groups = 1) {
        halve(stride);
        cost_.multiply_adds += pixels() * out * (channels_ / groups) * kernel * kernel;
        channels_ = out;
    }

    void residual(const Anchor& anchor, const Stage& stage, int stride) {
        const std::int64_t in = channels_;
        const auto layer_and_convolution = [&](std::int64_t out, int kernel, int step) {
            layer();
            convolve(out, kernel, step);
        };
        if (anchor.block == Block::bottleneck) {
            const std::int64_t inner = stage.channels / stage.expansion;
            layer_and_convolution(inner, 1, 1);
            layer_and_convolution(inner, stage.kernel, stride);
            layer_and_convolution(stage.channels, 1, 1);
        } else {
            layer_and_convolution(stage.channels, stage.kernel, stride);
            layer_and_convolution(stage.channels, stage.kernel, 1);
        }
        if (stride > 1 || in != stage.channels) cost_.multiply_adds += pixels() * in * stage.channels;
    }

    void inverted(const Anchor& anchor, const Stage& stage, int stride) {
        const std::int64_t in = channels_, inner = in * stage.expansion;
        if (stage.expansion > 1) {
            convolve(inner, 1, 1);
            layer();
        }
        convolve(inner, stage.kernel, stride, inner);
        layer();
        if (anchor.squeeze > 0) {
            const auto squeezed =
                std::max<std::int64_t>(1, static_cast<std::int64_t>(static_cast<double>(in) * anchor.squeeze));
            cost_.multiply_adds += 2 * inner * squeezed;
        }
        convolve(stage.channels, 1, 1);
    }

    std::int64_t channels_, side_;
    AnchorCost cost_;
};

}  // namespace

AnchorCost anchor_cost(const Anchor& anchor, int input_channels, int side) {
    Walk walk(input_channels, side);
    walk.stem(anchor);
    for (const Stage& stage : anchor.stages)
        for (int i = 0; i < stage.blocks; ++i) walk.block(anchor, stage, i == 0 ? stage.stride : 1);
    walk.end(anchor);
    return walk.cost();
}

}  // namespace normact::proxy_tasks
