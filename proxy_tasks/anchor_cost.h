#pragma once

#include "proxy_tasks/anchors.h"

#include <cstdint>

namespace normact::proxy_tasks {

/// What one image costs on its way through an anchor.
struct AnchorCost {
    std::int64_t multiply_adds = 0;   ///< of the convolutions; of a GAN, those of generator and discriminator
    std::int64_t layer_elements = 0;  ///< numbers that pass through the layer under search

    /// To order anchors by, in multiply-adds: an element of a fused layer, which comes from memory and goes back, takes
    /// about as long as thirty of them where convolutions are dense.
    std::int64_t total() const { return multiply_adds + 30 * layer_elements; }
};

/// For images of this side, as many pixels high as wide.
AnchorCost anchor_cost(const Anchor& anchor, int input_channels, int side);

/// The smallest images of which something is left behind all poolings and patches: these take whole ones alone.
int smallest_side(const Anchor& anchor);

}  // namespace normact::proxy_tasks
