#pragma once

#include "evaluator/schedule.h"
#include "evaluator/tensor_shape.h"

#include <algorithm>
#include <cstdint>

namespace normact::evaluator::cuda {

/// What the kernels of a program are specialized for. All else of a shape they take as arguments.
struct Variant {
    ElementType type = ElementType::float32;
    bool channels_last = false;
    int vector = 1;         ///< how many elements that lie side by side a thread takes at once: 1, 2, 4 or 8
    int width = 32;         ///< threads side by side: contiguous, those of one plane, a warp or all of a block; in
                            ///< channels_last those of one pixel, a power of two of at most 32
    bool resident = false;  ///< what several passes of a sweep read stays in shared memory after the first

    /// How many loads of each input a thread has under way: 32 bytes, with all threads enough for the latency of
    /// memory.
    int loads_at_once() const { return std::clamp(32 / (vector * bytes_of(type)), 1, 4); }

    bool operator==(const Variant&) const = default;

    /// How many threads a block has that runs a sweep of such blocks.
    int threads(Block block) const { return block == Block::image ? 512 : 256; }
    /// How many planes the threads of a block work on at once.
    int planes_at_once(Block block) const { return channels_last ? width * vector : threads(block) / width_of(block); }
    /// `width`, which means all threads where it is more than a warp; of a whole image's planes each is a warp's.
    int width_of(Block block) const {
        return channels_last || width <= 32 ? width : block == Block::image ? 32 : threads(block);
    }
};

/// How many channels of one image a block of threads takes.
std::int64_t channels_of_block(Block block, const Variant& variant, const TensorShape& shape);

/// How many numbers in double a sweep needs in shared memory to add up.
std::int64_t sums_size(const Schedule& schedule, const Sweep& sweep, const Variant& variant);

/// Bytes of shared memory that a sweep takes: for sums, and for what stays there.
std::int64_t shared_bytes(const Schedule& schedule, const Sweep& sweep, const Variant& variant,
                          const TensorShape& shape);

/// The inputs that more than one pass of the sweep reads.
std::vector<ValueId> inputs_read_again(const Sweep& sweep);

/// What suits the shape. `alignment`: bytes that divide the addresses of all tensors.
Variant variant_for(const Schedule& schedule, const TensorShape& shape, ElementType type, std::int64_t alignment);

}  // namespace normact::evaluator::cuda
