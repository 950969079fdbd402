#pragma once

#include "evaluator/cpu/pass_code.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace normact::evaluator::cpu {

/// The most tensors that a pass reads and writes: double backward has x, the gradient, that of the gradient, and two
/// results.
inline constexpr std::size_t most_tensors = 8;

/// A run of vectors for a kernel. In contiguous tensors it is a plane: a vector is as many pixels. In channels_last it
/// is as many channels of an image: a vector is a pixel. Either way a small value, one a plane, is a vector of its own,
/// and sums over planes are vectors too.
struct KernelCall {
    const void* const* inputs;  ///< where the first vector of each input of the pass lies
    void* const* outputs;
    const float* small_values;  ///< a vector each
    double* sums;               ///< a vector for each plane mean: what the vectors add up to is added here
    std::int64_t whole;         ///< how many vectors with all lanes come first …
    std::int64_t partial;       ///< … and how many with `lanes_left` lanes then
    std::int64_t lanes_left;
    std::int64_t stride;  ///< bytes from one vector to the next
};

/// A pass made ready to run. Immutable: may run on several threads at once.
class Kernel {
  public:
    virtual ~Kernel() = default;
    /// How many elements are a vector.
    virtual int lanes() const = 0;
    virtual void run(const KernelCall& call) const = 0;
};

/// Elements in memory; all arithmetic is float32.
enum class ElementType : std::uint8_t { float32, bfloat16 };

/// A way to make kernels of passes.
class KernelMaker {
  public:
    virtual ~KernelMaker() = default;
    virtual std::string_view name() const = 0;
    virtual std::unique_ptr<const Kernel> make(const PassCode& code, ElementType type) const = 0;
};

}  // namespace normact::evaluator::cpu
