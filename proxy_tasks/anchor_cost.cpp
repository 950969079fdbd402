#include "proxy_tasks/anchor_cost.h"

#include <algorithm>
#include <vector>

namespace normact::proxy_tasks {
namespace {

/// Follows an image through the network as network.cpp builds it.
class Walk {
  public:
    Walk(int channels, int side) : channels_(channels), side_(side) {}

    void stem(const Anchor& anchor) {
        patches_or_pixels(anchor.stem.channels, anchor.stem.kernel, anchor.stem.stride);
        if (anchor.block == Block::inverted) layer();
        if (anchor.stem.max_pool) halve(2);
    }

    void block(const Anchor& anchor, const Stage& stage, int stride) {
        switch (anchor.block) {
            case Block::inverted:
                return inverted(anchor, stage, stride);
            case Block::plain:
                return plain(stage, stride);
            case Block::convnext:
                return convnext(stage, stride);
            default:
                return residual(anchor, stage, stride);
        }
    }

    void end(const Anchor& anchor) {
        if (anchor.head > 0) convolve(anchor.head, 1, 1);
        layer();
    }

    void unet(const Anchor& anchor) {
        std::vector<std::int64_t> sides;
        convolve(anchor.stem.channels, anchor.stem.kernel, anchor.stem.stride);
        layer();
        for (const Stage& stage : anchor.stages) {
            side_ /= stage.stride;
            convolutions(stage);
            sides.push_back(side_);
        }
        for (std::size_t i = anchor.stages.size() - 1; i-- > 0;) {
            side_ = sides[i];
            channels_ += anchor.stages[i].channels;
            convolutions(anchor.stages[i]);
        }
    }

    void generator(const Anchor& anchor) {
        const std::int64_t colors = channels_;
        for (const Stage& stage : anchor.stages) side_ /= stage.stride;
        channels_ = anchor.stem.channels;
        layer();
        for (const Stage& stage : anchor.stages) {
            side_ *= stage.stride;
            convolutions(stage);
        }
        convolve(colors, 3, 1);
    }

    void discriminator(const Anchor& anchor) {
        convolve(anchor.stages.back().channels, 3, 1);
        for (std::size_t i = anchor.stages.size(); i-- > 0;) {
            const int stride = anchor.stages[i].stride;
            convolve(i > 0 ? anchor.stages[i - 1].channels : anchor.stem.channels, stride > 1 ? 4 : 3, stride);
        }
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

    /// Patches that do not overlap leave pixels at the border out.
    void patches_or_pixels(std::int64_t out, int kernel, int stride) {
        const bool patches = kernel > 1 && kernel == stride;
        if (patches) side_ /= stride;
        convolve(out, kernel, patches ? 1 : stride);
    }

    void convolutions(const Stage& stage) {
        for (int i = 0; i < stage.blocks; ++i) {
            convolve(stage.channels, stage.kernel, 1);
            layer();
        }
    }

    void plain(const Stage& stage, int stride) {
        layer();
        side_ /= stride;
        convolve(stage.channels, stage.kernel, 1);
    }

    void convnext(const Stage& stage, int stride) {
        if (stride > 1 || channels_ != stage.channels) {
            layer();
            patches_or_pixels(stage.channels, stride, stride);
        }
        convolve(stage.channels, stage.kernel, 1, stage.channels);
        convolve(std::int64_t{stage.channels} * stage.expansion, 1, 1);
        layer();
        convolve(stage.channels, 1, 1);
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
    if (anchor.task == Task::segmentation) {
        walk.unet(anchor);
        return walk.cost();
    }
    if (anchor.task == Task::generation) {
        walk.generator(anchor);
        walk.discriminator(anchor);
        return walk.cost();
    }
    walk.stem(anchor);
    for (const Stage& stage : anchor.stages)
        for (int i = 0; i < stage.blocks; ++i) walk.block(anchor, stage, i == 0 ? stage.stride : 1);
    walk.end(anchor);
    return walk.cost();
}

int smallest_side(const Anchor& anchor) {
    if (anchor.block != Block::plain && anchor.block != Block::convnext) return 1;
    int side = anchor.stem.kernel == anchor.stem.stride ? anchor.stem.stride : 1;
    for (const Stage& stage : anchor.stages) side *= stage.stride;
    return side;
}

}  // namespace normact::proxy_tasks
