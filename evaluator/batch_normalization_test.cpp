#include "evaluator/batch_normalization.h"

#include "primitives/canonical.h"
#include "primitives/text.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace normact::evaluator {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

std::vector<BatchNormalization> found_in(const std::string& text) {
    return find_batch_normalizations(primitives::parse_text(text));
}

TEST(BatchNormalization, is_found_with_its_affine_map_however_it_is_written) {
    for (const std::string text :
         {"v1*(x - mean_batch(x))/std_batch(x) + v0", "v0 + v1*((x - mean_batch(x))/std_batch(x))",
          "((x - mean_batch(x))/std_batch(x))*v1 + v0"}) {
        for (const auto& graph : {primitives::parse_text(text), primitives::canonical(primitives::parse_text(text))}) {
            const auto found = find_batch_normalizations(graph);
            ASSERT_THAT(found, SizeIs(1)) << text;
            EXPECT_EQ(found[0].output, graph.nodes.size() - 1) << text;
            EXPECT_TRUE(found[0].scale && graph.nodes[*found[0].scale].op == primitives::Op::v1) << text;
            EXPECT_TRUE(found[0].shift && graph.nodes[*found[0].shift].op == primitives::Op::v0) << text;
        }
    }
}

TEST(BatchNormalization, is_found_inside_a_larger_layer) {
    EXPECT_THAT(found_in("max(v1*(x - mean_batch(x))/std_batch(x) + v0, 0)"), SizeIs(1));
    EXPECT_THAT(found_in("y = x*sigmoid(x); tanh((y - mean_batch(y))/std_batch(y))"), SizeIs(1));
    EXPECT_THAT(found_in("a = (x - mean_batch(x))/std_batch(x); b = a*a; (b - mean_batch(b))/std_batch(b)"), SizeIs(2));
}

TEST(BatchNormalization, is_not_found_in_what_only_looks_like_it) {
    for (const std::string text : {
             "(x - mean_batch(x))/std_layer(x)",                  // another index set
             "(x - mean_layer(x))/std_layer(x)",                  //
             "(x - mean_batch(x))/rms_batch(x)",                  // another moment
             "(x + mean_batch(x))/std_batch(x)",                  // not centered
             "(mean_batch(x) - x)/std_batch(x)",                  //
             "(x - mean_batch(v1*x))/std_batch(x)",               // moments of another tensor
             "x*(x - mean_batch(x))/std_batch(x)",                // scaled by more than one value a channel
             "(x - mean_batch(x))/std_batch(x) + mean_batch(x)",  // a moment is used outside, too
             "s = std_batch(x); (x - mean_batch(x))/s + s",       //
             "(v1 - mean_batch(v1))/std_batch(v1)",               // of a value that is no full tensor
         })
        EXPECT_THAT(found_in(text), IsEmpty()) << text;
}

TEST(BatchNormalization, takes_no_affine_map_in_that_belongs_to_others) {
    // The quotient is used twice, so it must be there as such.
    const auto found = found_in("n = (x - mean_batch(x))/std_batch(x); n*sigmoid(v1*n)");
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_FALSE(found[0].scale);
}

/// Half a unit in the last place of single precision at 10^4 is 5e-4, so that even the rounded mean is too far off; the
/// mean of the centered values makes up for it.
TEST(BatchNormalization, is_right_where_the_mean_is_ten_thousand) {
    at::manual_seed(1);
    for (const at::MemoryFormat format : {at::MemoryFormat::Contiguous, at::MemoryFormat::ChannelsLast}) {
        const at::Tensor y = at::randn({128, 16, 16, 16}, at::kDouble).add_(1e4).to(at::kFloat).contiguous(format);
        const at::Tensor exact = y.to(at::kDouble);
        const at::Tensor centered = exact - exact.mean({0, 2, 3}, true);
        const at::Tensor wanted = centered / (centered.square().mean({0, 2, 3}, true) + 1e-5).sqrt();
        const at::Tensor found = normalize_batch(y, at::ones({16}), at::zeros({16}), 1e-5).output;
        EXPECT_LT((found - wanted).abs().max().item<double>(), 1e-5) << format;
    }
}

TEST(BatchNormalization, gives_the_biased_variance) {
    const at::Tensor y = at::tensor({1.0, 3.0}, at::kDouble).view({2, 1, 1, 1});
    const BatchNormalized normalized =
        normalize_batch(y, at::ones({1}, at::kDouble), at::zeros({1}, at::kDouble), 1e-5);
    EXPECT_DOUBLE_EQ(normalized.mean.item<double>(), 2.0);
    EXPECT_DOUBLE_EQ(normalized.variance.item<double>(), 1.0);
}

}  // namespace
}  // namespace normact::evaluator
