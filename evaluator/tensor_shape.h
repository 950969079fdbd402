#pragma once

#include "evaluator/extent.h"

#include <cstdint>

namespace normact::evaluator {

/// Elements in memory; all arithmetic is float32.
enum class ElementType : std::uint8_t { float32, bfloat16, float16 };
constexpr int bytes_of(ElementType type) { return type == ElementType::float32 ? 4 : 2; }

/// The shape of the tensors that a program runs on, and how they lie in memory.
struct TensorShape {
    std::int64_t images, channels, pixels;
    bool channels_last;
    std::int64_t groups;  ///< divides the channels
};

/// How many numbers a value of this extent has if it is no tensor.
inline std::int64_t table_size(Extent extent, const TensorShape& shape) {
    return (extent.has_images() ? shape.images : 1) * (extent.has_groups() ? shape.channels : 1);
}

}  // namespace normact::evaluator
