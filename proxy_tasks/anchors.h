#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

// The networks in which layers are scored, as data. network.h makes a trainable network of one.
namespace normact::proxy_tasks {

/// What a network is trained for.
enum class Task {
    classification,  ///< a class an image
    segmentation,    ///< a class a pixel: images with masks
    generation,      ///< images like those of the data set, by a generator against a discriminator
};

/// How a block is built from convolutions, and which of them meet the layer under search.
enum class Block {
    basic,       ///< pre-activation residual: 3×3, 3×3
    bottleneck,  ///< pre-activation residual: 1×1 down by `expansion`, k×k, 1×1 up again
    inverted,  ///< inverted residual: 1×1 up by `expansion` (none at 1), depthwise k×k, 1×1 down without activation
    plain,     ///< no residual: layer, 2×2 max-pooling where the stride is 2, k×k
    convnext,  ///< residual: depthwise k×k, 1×1 up by `expansion`, layer, 1×1 down; where the stride is 2 or the
               ///< channels change: layer, 2×2 at stride 2 (or 1×1) before it
};

enum class Gate { relu, silu };  ///< the activation inside squeeze-excite, which the search leaves alone

/// The first convolution. Inverted networks have the layer after it; in the others the first block begins with it or
/// does without.
struct Stem {
    int channels = 16;
    int kernel = 3;
    int stride = 1;
    bool max_pool = false;  ///< 3×3 max-pooling at stride 2 after it

    bool operator==(const Stem&) const = default;
};

/// Blocks of the same shape in a row; the first one has the stride and changes the number of channels.
struct Stage {
    int blocks = 1;
    int channels = 16;  ///< at the blocks' output
    int stride = 1;
    int expansion = 1;  ///< inner channels: bottleneck channels / expansion, inverted input channels · expansion,
                        ///< convnext channels · expansion
    int kernel = 3;

    bool operator==(const Stage&) const = default;
};

/// A network architecture. Classification: stem, stages, [1×1 convolution,] the layer, global average pooling, linear
/// classifier. Segmentation: unet.h, whose block is plain. Generation: gan_networks.h.
struct Anchor {
    std::string name;
    Block block = Block::basic;
    Stem stem;
    std::vector<Stage> stages;
    int head = 0;        ///< channels of the 1×1 convolution before the pooling; 0: none
    double squeeze = 0;  ///< squeeze-excite: inner channels as a share of the block's input; 0: none
    Gate gate = Gate::relu;
    bool affine_projection = false;  ///< a per-channel affine after the inverted block's last convolution: what the
                                     ///< layer is where it is used without its non-linearity
    Task task = Task::classification;

    bool operator==(const Anchor&) const = default;
};

/// The same network with all widths multiplied and rounded to multiples of 8, never below 90% of the product (the rule
/// of MobileNetV2 and EfficientNet).
Anchor scaled(Anchor anchor, double width);

/// The same network with its first `count` convolutions of stride 2 at stride 1, for small images. Pooling stays.
Anchor unstrided(Anchor anchor, int count);

/// What the score of a training in this anchor is. All measures lie in [0,1], and higher is better.
std::string_view measure_of(const Anchor& anchor);

/// All named anchors.
std::span<const Anchor> anchors();
/// Throws std::invalid_argument that lists the names there are.
const Anchor& find_anchor(std::string_view name);

}  // namespace normact::proxy_tasks
