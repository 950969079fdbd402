#include "evaluator/cpu/blocks.h"

#include <algorithm>

namespace normact::evaluator::cpu {
namespace {

/// Whole groups where groups are to stay together, and of planes as many as stay in the second-level cache, so that
/// tables are computed for several of them at once.
std::int64_t channels_of(Block block, const TensorShape& shape, std::int64_t lanes) {
    constexpr std::int64_t elements_in_cache = 16384, images_worth_sharing = 16;
    if (block == Block::image) return shape.channels;
    if (shape.channels_last)  // planes lie between each other; a few images are shared by more threads
        return block == Block::plane && shape.images < images_worth_sharing ? lanes : shape.channels;
    const std::int64_t unit = block == Block::plane ? 1 : shape.channels / shape.groups;
    return std::clamp(elements_in_cache / shape.pixels / unit * unit, unit, shape.channels);
}

}  // namespace

Blocks::Blocks(Block block, const TensorShape& shape, std::int64_t lanes)
    : shape_(shape), lanes_(lanes), channels_(channels_of(block, shape, lanes)) {}

Planes Blocks::planes(std::int64_t block) const {
    const std::int64_t image = block / blocks_of_image(), first = block % blocks_of_image() * channels_;
    return {image, image + 1, first, std::min(first + channels_, shape_.channels)};
}

}  // namespace normact::evaluator::cpu
