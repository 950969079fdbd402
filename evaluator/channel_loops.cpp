#include "evaluator/channel_loops.h"

#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include <algorithm>
#include <vector>

// One copy of each loop for each width of vectors, chosen when the program starts. Sanitizers can't run the choice.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
#define NORMACT_VECTOR_WIDTHS __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define NORMACT_VECTOR_WIDTHS
#endif
#define NORMACT_INLINE inline __attribute__((always_inline))

namespace normact::evaluator {
namespace {

/// A tensor as rows of channels (channels_last: a row a pixel, one element a channel) or of planes (contiguous: a row
/// an image, H·W elements a channel).
struct Layout {
    std::int64_t rows, channels, plane;
};

Layout layout_of(const at::Tensor& tensor, at::MemoryFormat format) {
    const std::int64_t pixels = tensor.size(2) * tensor.size(3);
    if (format == at::MemoryFormat::ChannelsLast) return {tensor.size(0) * pixels, tensor.size(1), 1};
    return {tensor.size(0), tensor.size(1), pixels};
}

/// How much is added up in the tensor's own type: some hundred roundings at most.
constexpr std::int64_t block_rows = 128;
constexpr std::int64_t block_elements = 1024;

/// Elements for which another thread pays, as in ATen.
constexpr std::int64_t smallest_share = 32768;

template <typename T>
NORMACT_INLINE void sum_rows(const T* __restrict a, const T* __restrict a0, const T* __restrict b,
                             const T* __restrict b0, std::int64_t rows, std::int64_t channels, T* __restrict first,
                             T* __restrict second) {
    for (std::int64_t row = 0; row < rows; ++row, a += channels, b += channels)
        for (std::int64_t c = 0; c < channels; ++c) {
            const T difference = a[c] - a0[c];
            first[c] += difference;
            second[c] += difference * (b[c] - b0[c]);
        }
}

template <typename T>
NORMACT_INLINE std::pair<T, T> sum_run(const T* __restrict a, T a0, const T* __restrict b, T b0, std::int64_t count) {
    T first = 0, second = 0;
#pragma omp simd reduction(+ : first, second)
    for (std::int64_t i = 0; i < count; ++i) {
        first += a[i] - a0;
        second += (a[i] - a0) * (b[i] - b0);
    }
    return {first, second};
}

template <typename T>
NORMACT_INLINE void map_row(const T* __restrict a, const T* __restrict a0, const T* __restrict factor,
                            const T* __restrict shift, std::int64_t channels, T* __restrict out) {
    for (std::int64_t c = 0; c < channels; ++c) out[c] = factor[c] * (a[c] - a0[c]) + shift[c];
}

template <typename T>
NORMACT_INLINE void map_run(const T* __restrict a, T a0, T factor, T shift, std::int64_t count, T* __restrict out) {
    for (std::int64_t i = 0; i < count; ++i) out[i] = factor * (a[i] - a0) + shift;
}

template <typename T>
NORMACT_INLINE void combine_row(const T* __restrict a, const T* __restrict factor_a, const T* __restrict b,
                                const T* __restrict b0, const T* __restrict factor_b, const T* __restrict shift,
                                std::int64_t channels, T* __restrict out) {
    for (std::int64_t c = 0; c < channels; ++c) out[c] = factor_a[c] * a[c] + factor_b[c] * (b[c] - b0[c]) + shift[c];
}

template <typename T>
NORMACT_INLINE void combine_run(const T* __restrict a, T factor_a, const T* __restrict b, T b0, T factor_b, T shift,
                                std::int64_t count, T* __restrict out) {
    for (std::int64_t i = 0; i < count; ++i) out[i] = factor_a * a[i] + factor_b * (b[i] - b0) + shift;
}

/// The sums of one block: of rows of channels, or of one row of planes. `first` and `second` are [C] and start at 0.
template <typename T>
NORMACT_INLINE void sum_block(const Layout& layout, const T* a, const T* a0, const T* b, const T* b0, std::int64_t rows,
                              double* first, double* second, T* scratch) {
    if (layout.plane == 1) {
        std::fill_n(scratch, 2 * layout.channels, T(0));
        sum_rows(a, a0, b, b0, rows, layout.channels, scratch, scratch + layout.channels);
        std::copy_n(scratch, layout.channels, first);
        std::copy_n(scratch + layout.channels, layout.channels, second);
        return;
    }
    for (std::int64_t c = 0; c < layout.channels; ++c, a += layout.plane, b += layout.plane)
        for (std::int64_t start = 0; start < layout.plane; start += block_elements) {
            const auto [of_a, of_both] =
                sum_run(a + start, a0[c], b + start, b0[c], std::min(block_elements, layout.plane - start));
            first[c] += static_cast<double>(of_a);
            second[c] += static_cast<double>(of_both);
        }
}

template <typename T>
NORMACT_INLINE void map_rows(const Layout& layout, const T* a, const T* a0, const T* factor, const T* shift,
                             std::int64_t rows, T* out) {
    if (layout.plane == 1) {
        for (std::int64_t row = 0; row < rows; ++row, a += layout.channels, out += layout.channels)
            map_row(a, a0, factor, shift, layout.channels, out);
        return;
    }
    for (std::int64_t row = 0; row < rows; ++row)
        for (std::int64_t c = 0; c < layout.channels; ++c, a += layout.plane, out += layout.plane)
            map_run(a, a0[c], factor[c], shift[c], layout.plane, out);
}

template <typename T>
NORMACT_INLINE void combine_rows(const Layout& layout, const T* a, const T* factor_a, const T* b, const T* b0,
                                 const T* factor_b, const T* shift, std::int64_t rows, T* out) {
    if (layout.plane == 1) {
        for (std::int64_t row = 0; row < rows;
             ++row, a += layout.channels, b += layout.channels, out += layout.channels)
            combine_row(a, factor_a, b, b0, factor_b, shift, layout.channels, out);
        return;
    }
    for (std::int64_t row = 0; row < rows; ++row)
        for (std::int64_t c = 0; c < layout.channels; ++c, a += layout.plane, b += layout.plane, out += layout.plane)
            combine_run(a, factor_a[c], b, b0[c], factor_b[c], shift[c], layout.plane, out);
}

// What the attribute needs: functions that are no templates.
#define NORMACT_LOOPS(T)                                                                                               \
    NORMACT_VECTOR_WIDTHS void run_sums(const Layout& layout, const T* a, const T* a0, const T* b, const T* b0,        \
                                        std::int64_t rows, double* first, double* second, T* scratch) {                \
        sum_block(layout, a, a0, b, b0, rows, first, second, scratch);                                                 \
    }                                                                                                                  \
    NORMACT_VECTOR_WIDTHS void run_map(const Layout& layout, const T* a, const T* a0, const T* factor, const T* shift, \
                                       std::int64_t rows, T* out) {                                                    \
        map_rows(layout, a, a0, factor, shift, rows, out);                                                             \
    }                                                                                                                  \
    NORMACT_VECTOR_WIDTHS void run_combination(const Layout& layout, const T* a, const T* factor_a, const T* b,        \
                                               const T* b0, const T* factor_b, const T* shift, std::int64_t rows,      \
                                               T* out) {                                                               \
        combine_rows(layout, a, factor_a, b, b0, factor_b, shift, rows, out);                                          \
    }
NORMACT_LOOPS(float)
NORMACT_LOOPS(double)
#undef NORMACT_LOOPS

/// Rows for one thread at least.
std::int64_t grain(const Layout& layout) {
    return std::max<std::int64_t>(1, smallest_share / (layout.channels * layout.plane));
}

}  // namespace

std::pair<at::Tensor, at::Tensor> channel_sums(const at::Tensor& a, const at::Tensor& a0, const at::Tensor& b,
                                               const at::Tensor& b0) {
    const at::MemoryFormat format = a.suggest_memory_format();
    const at::Tensor packed_a = a.contiguous(format), packed_b = b.contiguous(format);
    const Layout layout = layout_of(a, format);
    const std::int64_t rows_in_block = layout.plane == 1 ? block_rows : 1;
    const std::int64_t blocks = (layout.rows + rows_in_block - 1) / rows_in_block;
    const std::int64_t row = layout.channels * layout.plane;
    at::Tensor sums = at::empty({2, layout.channels}, a0.options().requires_grad(false));
    AT_DISPATCH_FLOATING_TYPES(a.scalar_type(), "channel_sums", [&] {
        const std::size_t width = 2 * static_cast<std::size_t>(layout.channels);
        std::vector<double> table(static_cast<std::size_t>(blocks) * width);
        at::parallel_for(0, blocks, std::max<std::int64_t>(1, grain(layout) / rows_in_block),
                         [&](std::int64_t begin, std::int64_t end) {
                             std::vector<scalar_t> scratch(width);
                             for (std::int64_t block = begin; block < end; ++block) {
                                 const std::int64_t start = block * rows_in_block;
                                 double* const first = table.data() + static_cast<std::size_t>(block) * width;
                                 run_sums(layout, packed_a.const_data_ptr<scalar_t>() + start * row,
                                          a0.const_data_ptr<scalar_t>(),
                                          packed_b.const_data_ptr<scalar_t>() + start * row,
                                          b0.const_data_ptr<scalar_t>(), std::min(rows_in_block, layout.rows - start),
                                          first, first + layout.channels, scratch.data());
                             }
                         });
        for (std::int64_t block = 1; block < blocks; ++block)
            for (std::size_t i = 0; i < width; ++i) table[i] += table[static_cast<std::size_t>(block) * width + i];
        std::transform(table.begin(), table.begin() + static_cast<std::ptrdiff_t>(width),
                       sums.mutable_data_ptr<scalar_t>(), [](double sum) { return static_cast<scalar_t>(sum); });
    });
    return {sums[0], sums[1]};
}

at::Tensor channel_map(const at::Tensor& a, const at::Tensor& a0, const at::Tensor& factor, const at::Tensor& shift) {
    const at::MemoryFormat format = a.suggest_memory_format();
    const at::Tensor packed = a.contiguous(format);
    const Layout layout = layout_of(a, format);
    at::Tensor out = at::empty_like(packed);
    AT_DISPATCH_FLOATING_TYPES(a.scalar_type(), "channel_map", [&] {
        at::parallel_for(0, layout.rows, grain(layout), [&](std::int64_t begin, std::int64_t end) {
            const std::int64_t start = begin * layout.channels * layout.plane;
            run_map(layout, packed.const_data_ptr<scalar_t>() + start, a0.const_data_ptr<scalar_t>(),
                    factor.const_data_ptr<scalar_t>(), shift.const_data_ptr<scalar_t>(), end - begin,
                    out.mutable_data_ptr<scalar_t>() + start);
        });
    });
    return out;
}

at::Tensor channel_combination(const at::Tensor& a, const at::Tensor& factor_a, const at::Tensor& b,
                               const at::Tensor& b0, const at::Tensor& factor_b, const at::Tensor& shift) {
    const at::MemoryFormat format = a.suggest_memory_format();
    const at::Tensor packed_a = a.contiguous(format), packed_b = b.contiguous(format);
    const Layout layout = layout_of(a, format);
    at::Tensor out = at::empty_like(packed_a);
    AT_DISPATCH_FLOATING_TYPES(a.scalar_type(), "channel_combination", [&] {
        at::parallel_for(0, layout.rows, grain(layout), [&](std::int64_t begin, std::int64_t end) {
            const std::int64_t start = begin * layout.channels * layout.plane;
            run_combination(layout, packed_a.const_data_ptr<scalar_t>() + start, factor_a.const_data_ptr<scalar_t>(),
                            packed_b.const_data_ptr<scalar_t>() + start, b0.const_data_ptr<scalar_t>(),
                            factor_b.const_data_ptr<scalar_t>(), shift.const_data_ptr<scalar_t>(), end - begin,
                            out.mutable_data_ptr<scalar_t>() + start);
        });
    });
    return out;
}

}  // namespace normact::evaluator
