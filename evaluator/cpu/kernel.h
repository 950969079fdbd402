#pragma once

#include "evaluator/cpu/pass_code.h"
#include "evaluator/tensor_shape.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace normact::evaluator::cpu {

/// The most tensors that a pass reads and writes, for which a compiled kernel has registers. Double backward needs
/// five: x, the gradient, that of the gradient, and two results.
inline constexpr std::size_t most_tensors = 7;

/// How tensors lie in memory, and so what the rows of a call are: either way a kernel reads memory in its order.
enum class Layout : std::uint8_t {
    contiguous,  ///< a row is the pixels of a plane, which has its own small values and sums; or, in channels_last, of
                 ///< an image whose pixels are one vector each: then these differ by lane
    channels_last  ///< a row is a pixel, the channels of an image or some of them: each column has its own
};

/// What a kernel runs over: rows of vectors. A small value, one a plane, is a vector of its own, and sums over planes
/// are vectors too.
struct KernelCall {
    const void* const* inputs = nullptr;  ///< where the first row of each input of the pass begins
    void* const* outputs = nullptr;
    const float* small_values = nullptr;  ///< a vector each, as many for each plane or column
    double* sums = nullptr;               ///< a vector for each plane mean, likewise: what they add up to is added here
    float* row_sums = nullptr;  ///< in channels_last as many vectors as there are sums, all 0: scratch, 0 again then
    float* kept = nullptr;      ///< as many vectors for each vector of the call, in its order, as values are kept
    std::int64_t rows = 1;
    std::int64_t columns = 0;     ///< how many vectors with all lanes a row has …
    std::int64_t lanes_left = 0;  ///< … and how many lanes the one behind them has; 0: there is none
    std::int64_t gap = 0;         ///< bytes from behind the whole vectors of a row to the next row
};

/// A pass made ready to run. Immutable: may run on several threads at once.
class Kernel {
  public:
    virtual ~Kernel() = default;
    virtual void run(const KernelCall& call) const = 0;
};

/// A way to make kernels of passes.
class KernelMaker {
  public:
    virtual ~KernelMaker() = default;
    virtual std::string_view name() const = 0;
    /// How many elements are a vector.
    virtual int lanes() const = 0;
    virtual std::unique_ptr<const Kernel> make(const PassCode& code, ElementType type, Layout layout) const = 0;
};

}  // namespace normact::evaluator::cpu
