#pragma once

#include "evaluator/schedule.h"
#include "evaluator/tensor_shape.h"

#include <cstddef>
#include <cstdint>

namespace normact::evaluator::cpu {

/// A range of planes: images and channels.
struct Planes {
    std::int64_t first_image, last_image, first_channel, last_channel;
};

/// How a sweep divides tensors into blocks: an image of each, or some of its channels. Vectors have `lanes` numbers.
class Blocks {
  public:
    Blocks(Block block, const TensorShape& shape, std::int64_t lanes);

    std::int64_t count() const { return shape_.images * blocks_of_image(); }
    Planes planes(std::int64_t block) const;
    /// How many elements a block has at most.
    std::int64_t elements() const { return channels_ * shape_.pixels; }

    /// How many vectors a block has of each small value and sum: one for each channel, or for a vector of them.
    std::int64_t columns() const { return shape_.channels_last ? vectors_of(channels_) : channels_; }
    /// How many vectors of elements it has.
    std::int64_t vectors() const {
        return columns() * (shape_.channels_last ? shape_.pixels : vectors_of(shape_.pixels));
    }

  private:
    std::int64_t blocks_of_image() const { return (shape_.channels + channels_ - 1) / channels_; }
    std::int64_t vectors_of(std::int64_t elements) const { return (elements + lanes_ - 1) / lanes_; }

    TensorShape shape_;
    std::int64_t lanes_, channels_;
};

}  // namespace normact::evaluator::cpu
