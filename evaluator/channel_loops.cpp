#include "evaluator/channel_loops.h"

#include "evaluator/parallel.h"

#include <ATen/Dispatch.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include <algorithm>
#include <array>
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
/// an image, H·W elements a channel). A row of few channels is taken together with the next ones, as if the channels
/// came `repeats` times, so that it fills vectors.
struct Layout {
    std::int64_t rows, channels, plane, repeats;
};

constexpr std::int64_t enough_channels = 64;

Layout layout_of(const at::Tensor& tensor, at::MemoryFormat format) {
    const std::int64_t channels = tensor.size(1);
    const std::int64_t plane = format == at::MemoryFormat::ChannelsLast ? 1 : tensor.size(2) * tensor.size(3);
    const std::int64_t rows = tensor.numel() / (channels * plane);
    std::int64_t repeats = plane == 1 ? std::max<std::int64_t>(1, enough_channels / channels) : 1;
    while (rows % repeats != 0) --repeats;
    return {rows / repeats, channels * repeats, plane, repeats};
}

/// The coefficients of the channels as often as the layout has them.
template <typename T>
std::vector<T> repeated(const at::Tensor& coefficients, const Layout& layout) {
    const at::Tensor packed = coefficients.contiguous();
    std::vector<T> all;
    all.reserve(static_cast<std::size_t>(layout.channels));
    for (std::int64_t i = 0; i < layout.repeats; ++i)
        all.insert(all.end(), packed.const_data_ptr<T>(), packed.const_data_ptr<T>() + packed.numel());
    return all;
}

/// How much is added up in the tensor's own type: some hundred roundings at most.
constexpr std::int64_t block_rows = 128;
constexpr std::int64_t block_elements = 1024;

/// Elements for which another thread pays, as in ATen.
constexpr std::int64_t smallest_share = 32768;

/// Channels whose sums stay in registers.
constexpr std::int64_t tile = 32;

template <typename T>
NORMACT_INLINE void sum_tile(const T* __restrict a, const T* __restrict a0, const T* __restrict b,
                             const T* __restrict b0, std::int64_t rows, std::int64_t stride, double* __restrict first,
                             double* __restrict second) {
    T of_a[tile] = {}, of_both[tile] = {};  // NOLINT(modernize-avoid-c-arrays): as plain as its loops
    for (std::int64_t row = 0; row < rows; ++row, a += stride, b += stride)
        for (std::int64_t c = 0; c < tile; ++c) {
            of_a[c] += a[c] - a0[c];
            of_both[c] += (a[c] - a0[c]) * (b[c] - b0[c]);
        }
    for (std::int64_t c = 0; c < tile; ++c) {
        first[c] = static_cast<double>(of_a[c]);
        second[c] = static_cast<double>(of_both[c]);
    }
}

template <typename T>
NORMACT_INLINE void sum_rows(const T* a, const T* a0, const T* b, const T* b0, std::int64_t rows, std::int64_t channels,
                             double* first, double* second) {
    std::int64_t c = 0;
    for (; c + tile <= channels; c += tile)
        sum_tile(a + c, a0 + c, b + c, b0 + c, rows, channels, first + c, second + c);
    for (; c < channels; ++c) {
        T of_a = 0, of_both = 0;
        for (std::int64_t row = 0; row < rows; ++row) {
            const T difference = a[row * channels + c] - a0[c];
            of_a += difference;
            of_both += difference * (b[row * channels + c] - b0[c]);
        }
        first[c] = static_cast<double>(of_a);
        second[c] = static_cast<double>(of_both);
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
                              double* first, double* second) {
    if (layout.plane == 1) return sum_rows(a, a0, b, b0, rows, layout.channels, first, second);
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
// NOLINTBEGIN(bugprone-macro-parentheses): a type takes none
#define NORMACT_LOOPS(T)                                                                                               \
    NORMACT_VECTOR_WIDTHS void run_sums(const Layout& layout, const T* a, const T* a0, const T* b, const T* b0,        \
                                        std::int64_t rows, double* first, double* second) {                            \
        sum_block(layout, a, a0, b, b0, rows, first, second);                                                          \
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
// NOLINTEND(bugprone-macro-parentheses)
#undef NORMACT_LOOPS

/// Rows for one thread at least.
std::int64_t grain(const Layout& layout) {
    return std::max<std::int64_t>(1, smallest_share / (layout.channels * layout.plane));
}

/// Adds up the sums of all blocks, [blocks][2][repeats][channels], to [2][channels].
template <typename T>
void merge(std::vector<double>& table, const Layout& layout, T* sums) {
    const auto repeated_channels = static_cast<std::size_t>(layout.channels);
    const std::size_t channels = repeated_channels / static_cast<std::size_t>(layout.repeats);
    const std::size_t width = 2 * repeated_channels;
    for (std::size_t block = width; block < table.size(); block += width)
        for (std::size_t i = 0; i < width; ++i) table[i] += table[block + i];
    for (std::size_t which = 0; which < 2; ++which)
        for (std::size_t c = 0; c < channels; ++c) {
            double sum = 0;
            for (std::size_t i = c; i < repeated_channels; i += channels) sum += table[which * repeated_channels + i];
            sums[which * channels + c] = static_cast<T>(sum);
        }
}

}  // namespace

std::pair<at::Tensor, at::Tensor> channel_sums(const at::Tensor& a, const at::Tensor& a0, const at::Tensor& b,
                                               const at::Tensor& b0) {
    const at::MemoryFormat format = a.suggest_memory_format();
    const Layout layout = layout_of(a, format);
    const at::Tensor packed_a = a.contiguous(format), packed_b = b.contiguous(format);
    const std::int64_t rows_in_block = layout.plane == 1 ? block_rows : 1;
    const std::int64_t blocks = (layout.rows + rows_in_block - 1) / rows_in_block;
    const std::int64_t grain_blocks = std::max<std::int64_t>(1, grain(layout) / rows_in_block);
    std::vector<double> table(static_cast<std::size_t>(2 * layout.channels * blocks));  // [blocks][2][channels]
    at::Tensor sums = at::empty({2, a.size(1)}, a0.options().requires_grad(false));
    AT_DISPATCH_FLOATING_TYPES(a.scalar_type(), "channel_sums", [&] {
        const std::vector<scalar_t> all_a0 = repeated<scalar_t>(a0, layout);
        const std::vector<scalar_t> all_b0 = repeated<scalar_t>(b0, layout);
        parallel_for(blocks, grain_blocks, [&](std::int64_t begin, std::int64_t end) {
            for (std::int64_t block = begin; block < end; ++block) {
                const std::int64_t row = block * rows_in_block;
                const std::int64_t start = row * layout.channels * layout.plane;
                double* const first = table.data() + 2 * layout.channels * block;
                run_sums(layout, packed_a.const_data_ptr<scalar_t>() + start, all_a0.data(),
                         packed_b.const_data_ptr<scalar_t>() + start, all_b0.data(),
                         std::min(rows_in_block, layout.rows - row), first, first + layout.channels);
            }
        });
        merge(table, layout, sums.mutable_data_ptr<scalar_t>());
    });
    return {sums[0], sums[1]};
}

at::Tensor channel_map(const at::Tensor& a, const at::Tensor& a0, const at::Tensor& factor, const at::Tensor& shift) {
    const at::MemoryFormat format = a.suggest_memory_format();
    const Layout layout = layout_of(a, format);
    const at::Tensor packed = a.contiguous(format);
    at::Tensor out = at::empty_like(packed);
    AT_DISPATCH_FLOATING_TYPES(a.scalar_type(), "channel_map", [&] {
        const std::vector<scalar_t> all_a0 = repeated<scalar_t>(a0, layout);
        const std::vector<scalar_t> all_factors = repeated<scalar_t>(factor, layout);
        const std::vector<scalar_t> all_shifts = repeated<scalar_t>(shift, layout);
        parallel_for(layout.rows, grain(layout), [&](std::int64_t begin, std::int64_t end) {
            const std::int64_t start = begin * layout.channels * layout.plane;
            run_map(layout, packed.const_data_ptr<scalar_t>() + start, all_a0.data(), all_factors.data(),
                    all_shifts.data(), end - begin, out.mutable_data_ptr<scalar_t>() + start);
        });
    });
    return out;
}

at::Tensor channel_combination(const at::Tensor& a, const at::Tensor& factor_a, const at::Tensor& b,
                               const at::Tensor& b0, const at::Tensor& factor_b, const at::Tensor& shift) {
    const at::MemoryFormat format = a.suggest_memory_format();
    const Layout layout = layout_of(a, format);
    const at::Tensor packed_a = a.contiguous(format), packed_b = b.contiguous(format);
    at::Tensor out = at::empty_like(packed_a);
    AT_DISPATCH_FLOATING_TYPES(a.scalar_type(), "channel_combination", [&] {
        const std::vector<scalar_t> all_factors_a = repeated<scalar_t>(factor_a, layout);
        const std::vector<scalar_t> all_b0 = repeated<scalar_t>(b0, layout);
        const std::vector<scalar_t> all_factors_b = repeated<scalar_t>(factor_b, layout);
        const std::vector<scalar_t> all_shifts = repeated<scalar_t>(shift, layout);
        parallel_for(layout.rows, grain(layout), [&](std::int64_t begin, std::int64_t end) {
            const std::int64_t start = begin * layout.channels * layout.plane;
            run_combination(layout, packed_a.const_data_ptr<scalar_t>() + start, all_factors_a.data(),
                            packed_b.const_data_ptr<scalar_t>() + start, all_b0.data(), all_factors_b.data(),
                            all_shifts.data(), end - begin, out.mutable_data_ptr<scalar_t>() + start);
        });
    });
    return out;
}

}  // namespace normact::evaluator
