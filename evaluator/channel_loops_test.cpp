#include "evaluator/channel_loops.h"

#include "evaluator/parallel.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <array>

namespace normact::evaluator {
namespace {

/// Planes of one pixel, of a part of a vector, and larger than a block; few and many rows of channels.
constexpr std::array<std::array<std::int64_t, 4>, 6> shapes{
    {{2, 3, 5, 7}, {130, 33, 1, 1}, {1, 1, 1, 1}, {1, 2, 61, 53}, {3, 96, 2, 1}, {300, 5, 2, 3}}};
constexpr std::array formats{at::MemoryFormat::Contiguous, at::MemoryFormat::ChannelsLast};

at::Tensor broadcast(const at::Tensor& channels) { return channels.view({1, -1, 1, 1}); }

struct Operands {
    at::Tensor a, b, a0, b0, factor_a, factor_b, shift;
};

Operands operands(at::IntArrayRef shape, at::MemoryFormat format, at::ScalarType type) {
    at::manual_seed(1);
    const auto tensor = [&] { return at::randn(shape, type).contiguous(format); };
    const auto channels = [&] { return at::randn({shape[1]}, type); };
    return {tensor(), tensor(), channels(), channels(), channels(), channels(), channels()};
}

/// Sums of n values of size 1 in blocks: n·1e-15 in double.
TEST(ChannelLoops, give_what_aten_gives) {
    for (const auto& shape : shapes)
        for (const at::MemoryFormat format : formats) {
            SCOPED_TRACE(c10::str(at::IntArrayRef(shape), " ", format));
            const auto [a, b, a0, b0, factor_a, factor_b, shift] = operands(shape, format, at::kDouble);
            const at::Tensor da = a - broadcast(a0), db = b - broadcast(b0);
            const auto [first, second] = channel_sums(a, a0, b, b0);
            EXPECT_TRUE(first.allclose(da.sum({0, 2, 3}), 1e-12, 1e-11));
            EXPECT_TRUE(second.allclose((da * db).sum({0, 2, 3}), 1e-12, 1e-11));
            const at::Tensor mapped = channel_map(a, a0, factor_a, shift);
            EXPECT_TRUE(mapped.allclose(broadcast(factor_a) * da + broadcast(shift), 1e-13, 1e-13));
            EXPECT_EQ(mapped.strides(), a.strides());
            const at::Tensor combined = channel_combination(a, factor_a, b, b0, factor_b, shift);
            EXPECT_TRUE(
                combined.allclose(broadcast(factor_a) * a + broadcast(factor_b) * db + broadcast(shift), 1e-13, 1e-13));
            EXPECT_EQ(combined.strides(), a.strides());
        }
}

TEST(ChannelLoops, take_operands_in_different_formats) {
    const auto [a, b, a0, b0, factor_a, factor_b, shift] =
        operands({2, 3, 5, 7}, at::MemoryFormat::Contiguous, at::kDouble);
    const at::Tensor other = b.contiguous(at::MemoryFormat::ChannelsLast);
    EXPECT_TRUE(channel_sums(a, a0, b, b0).second.equal(channel_sums(a, a0, other, b0).second));
    EXPECT_TRUE(channel_combination(a, factor_a, b, b0, factor_b, shift)
                    .equal(channel_combination(a, factor_a, other, b0, factor_b, shift)));
}

/// Added up one by one in single precision, 131,072 values near 1 are off by 1e-4 and more.
TEST(ChannelLoops, sum_single_precision_in_blocks) {
    for (const at::MemoryFormat format : formats) {
        const at::Tensor a = (at::rand({128, 4, 32, 32}) + 0.5).contiguous(format);
        const at::Tensor zeros = at::zeros({4});
        const at::Tensor wanted = a.to(at::kDouble).sum({0, 2, 3});
        const at::Tensor found = channel_sums(a, zeros, a, zeros).first.to(at::kDouble);
        EXPECT_LT(((found - wanted) / wanted).abs().max().item<double>(), 5e-7) << format;
    }
}

TEST(ChannelLoops, give_the_same_bits_on_any_number_of_threads) {
    for (const at::MemoryFormat format : formats) {
        const auto o = operands({64, 16, 16, 16}, format, at::kFloat);
        const auto sums = [&](int threads) {
            const ThreadsInUse use(threads);
            return channel_sums(o.a, o.a0, o.b, o.b0);
        };
        const auto alone = sums(1), together = sums(3);
        EXPECT_TRUE(alone.first.equal(together.first) && alone.second.equal(together.second)) << format;
    }
}

}  // namespace
}  // namespace normact::evaluator
