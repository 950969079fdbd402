#pragma once

#include "evaluator/cuda/variant.h"
#include "evaluator/schedule.h"
#include "evaluator/tensor_shape.h"

#include <cstdint>
#include <string>
#include <vector>

namespace normact::evaluator::cuda {

/// What one block of threads of a kernel has to itself.
enum class Share : std::uint8_t {
    planes,    ///< an image, with some of its channels: a sweep
    image,     ///< an image
    channels,  ///< some channels
    all        ///< everything: it is the only one
};

/// One kernel of a source.
struct KernelSource {
    std::string name;
    std::string text{};  ///< its definition, which stands behind the prelude
    Share share = Share::all;
    std::size_t sweep = 0;       ///< of `planes`: which
    std::int64_t sums_size = 0;  ///< of the others: how many numbers in double they need in shared memory
};

/// The kernels of a program as CUDA C++. They are launched in order, each with the same arguments: pointers to the
/// inputs and outputs of the program in its order and to memory for tables; numbers of images, channels, pixels, groups
/// and Launch::channels_of_block as int; one over images, over channels and over pixels as double.
struct ProgramSource {
    std::string prelude;
    std::vector<KernelSource> kernels;

    /// All kernels as one source.
    std::string text() const;
    /// A kernel as a source of its own.
    std::string text(const KernelSource& kernel) const { return prelude + "\n" + kernel.text; }
};

/// The schedule must be one that keeps nothing between passes (Reuse::compute_again).
ProgramSource program_source(const Schedule& schedule, const Variant& variant);

/// How a kernel is launched: blocks, threads of each, and bytes of shared memory.
struct Launch {
    std::int64_t blocks, threads, shared_bytes;
    std::int64_t channels_of_block;  ///< the last argument
};
Launch launch_of(const KernelSource& kernel, const Schedule& schedule, const Variant& variant,
                 const TensorShape& shape);

}  // namespace normact::evaluator::cuda
