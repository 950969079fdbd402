#include "primitives/function_comparison.h"

#include "primitives/catalogue.h"
#include "primitives/graph_arbitrary.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace normact::primitives {
namespace {

FunctionComparison compare(std::string_view a, std::string_view b) {
    return compare_functions(parse_text(a), parse_text(b));
}

TEST(FunctionComparison, tells_equal_hashes_from_equal_functions) {
    const auto same = compare("x*v1 + v0", "v0 + v1*x");
    EXPECT_TRUE(same.same_hash && same.same_fingerprint);
    EXPECT_EQ(same.largest_difference, 0);
    EXPECT_EQ(likeness(same), Likeness::same_form);
    const auto equivalent = compare("(x - mean_batch(x))/std_batch(x)", "x/std_batch(x) - mean_batch(x)/std_batch(x)");
    EXPECT_FALSE(equivalent.same_hash);
    EXPECT_TRUE(equivalent.same_fingerprint);
    EXPECT_LT(equivalent.largest_difference, 1e-12) << "rounding of double, times what cancels";
    EXPECT_EQ(equivalent.tensors, 160);
    EXPECT_EQ(likeness(equivalent), Likeness::same_on_probes);
}

TEST(FunctionComparison, measures_how_far_functions_are_apart) {
    const auto doubled = compare("x", "x + x");
    EXPECT_FALSE(doubled.same_fingerprint);
    EXPECT_NEAR(doubled.largest_difference, 0.5, 1e-12);
    EXPECT_NEAR(doubled.explained, 1, 1e-12) << "the outer affine makes up for it";
    EXPECT_EQ(likeness(doubled), Likeness::different);
    const auto square = compare("x", "square(x)");
    EXPECT_LT(square.explained, 0.9);
    EXPECT_EQ(compare("x", "mean_batch(x)").explained, 0) << "a constant explains nothing";
    const auto near = compare("x*sigmoid(x)", "x*sigmoid(v1*x)"), far = compare("x*sigmoid(x)", "x*exp(-x)");
    EXPECT_GT(near.explained, far.explained);
}

TEST(FunctionComparison, leaves_out_what_is_not_finite) {
    const auto one = compare("exp(exp(exp(exp(x))))", "x");
    EXPECT_GT(one.not_finite_in_one, 0);
    EXPECT_EQ(likeness(one), Likeness::different);
    EXPECT_EQ(one.tensors + one.not_finite_in_one, 160);
    const auto none = compare("x/(v0 - v0)", "exp(x)/(v1 - v1)");
    EXPECT_EQ(none.tensors, 0);
    EXPECT_EQ(likeness(none), Likeness::unknown);
    EXPECT_FALSE(none.same_fingerprint) << "all is NaN: nothing is known";
}

RC_GTEST_PROP(FunctionComparison, does_not_depend_on_the_order, (const LayerGraph& a, const LayerGraph& b)) {
    const auto there = compare_functions(a, b), back = compare_functions(b, a);
    RC_ASSERT(there.same_hash == back.same_hash && there.same_fingerprint == back.same_fingerprint);
    RC_ASSERT(there.largest_difference == back.largest_difference);
    RC_ASSERT(std::abs(there.explained - back.explained) < 1e-9);
    RC_ASSERT(there.explained >= 0 && there.explained <= 1);
}

}  // namespace
}  // namespace normact::primitives
