#include "primitives/fingerprint.h"

#include "primitives/canonical.h"
#include "primitives/graph_arbitrary.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

namespace normact::primitives {
namespace {

Probe probe_text(std::string_view text) { return probe(parse_text(text)); }

RC_GTEST_PROP(Fingerprint, equal_hashes_have_equal_fingerprints, (const LayerGraph& graph)) {
    // A graph and its canonical form have one hash.
    const Probe original = probe(graph), simple = probe(canonical(graph));
    RC_ASSERT(original.fingerprint == simple.fingerprint);
    RC_ASSERT(original.is_valid() == simple.is_valid());
}

TEST(Fingerprint, equates_what_only_the_order_of_operations_tells_apart) {
    const std::vector<std::pair<std::string, std::string>> pairs{
        {"x + v0 + v1", "x + (v0 + v1)"},
        {"x*v0*v1", "x*(v0*v1)"},
        {"(x - mean_batch(x))/std_batch(x)", "x/std_batch(x) - mean_batch(x)/std_batch(x)"},
        {"sqrt(square(x))", "abs(x)"},
        {"x*(v0 + v1)", "x*v0 + x*v1"},
        {"mean_batch(mean_instance(x)) + x", "mean_batch(x) + x"},
        {"x*exp(v0)*exp(v1)", "x*exp(v0 + v1)"},
        {"max(x, exp(x))", "exp(x)"},
        {"-tanh(x)", "tanh(-x)"},
        {"x + (mean_batch(x) - mean_batch(mean_instance(x)))", "x"},
    };
    for (const auto& [a, b] : pairs) {
        EXPECT_EQ(probe_text(a).fingerprint, probe_text(b).fingerprint) << a << " and " << b;
        EXPECT_NE(hash(parse_text(a)), hash(parse_text(b))) << a << " and " << b;
    }
}

TEST(Fingerprint, tells_apart_what_differs_in_one_operation_or_index_set) {
    std::set<Hash128> seen;
    std::size_t count = 0;
    for (const Primitive& row : all_primitives()) {
        if (row.kind != Kind::moment) continue;
        for (const IndexSet set : index_sets) {
            const Node moment{.op = row.op, .over = set};
            seen.insert(probe({{{.op = Op::x}, moment}}).fingerprint);
            ++count;
        }
    }
    for (const char* text : {"x", "-x", "abs(x)", "exp(x)", "tanh(x)", "x*v0", "x*v1", "x*abs(v1)", "max(x, v0)",
                             "max(x, 0)", "max(x, v1)", "x + exp(exp(x))", "exp(exp(x)) - x", "x/rms_batch(x)",
                             "x/rms_batch(x/rms_batch(x))", "max(v0, v1) + x", "v0 + x", "v1 + x"}) {
        seen.insert(probe_text(text).fingerprint);
        ++count;
    }
    EXPECT_EQ(seen.size(), count);
}

TEST(Fingerprint, stays_the_same_while_studies_go_on) {
    // A study that goes on with another build finds its functions by these.
    EXPECT_EQ(to_string(probe_text("x").fingerprint), "c30e3c26695710e61912445c6054316b");
    EXPECT_EQ(to_string(probe_text("x*sigmoid(v1*x)/std_group(x)").fingerprint), "e559c3c7aa06be61b2edbe5ca0af4c60");
}

TEST(Fingerprint, a_layer_without_a_finite_output_is_invalid) {
    for (const char* text :
         {"x/0", "0/0 + x", "exp(exp(exp(exp(exp(x)))))", "x/(x - x)", "tanh(x/0)", "x + zero/exp(square(square(x)))"})
        EXPECT_FALSE(probe_text(text).finite) << text;
    // What double can hold but float can't: e^(5^4) and, inside the moment alone, (e^55)^2. Float ends at 3.4e38.
    for (const char* text : {"exp(square(square(x)))", "exp(exp(x))", "x/rms_batch(exp(square(x)*v1/v1 + square(x)))"})
        EXPECT_FALSE(probe_text(text).finite) << text;
    for (const char* text : {"x", "exp(square(x))", "sqrt(x - x) + x", "log(0) + x"})
        EXPECT_TRUE(probe_text(text).is_valid()) << text;
}

TEST(Fingerprint, a_layer_that_forgets_x_is_invalid) {
    for (const char* text : {"v0", "zero", "v0*exp(v1)", "x - x", "x*0", "x/x", "std_batch(std_batch(x))",
                             "mean_batch(x) - mean_batch(mean_instance(x))", "rms_layer(0)"})
        EXPECT_FALSE(probe_text(text).depends_on_x) << text;
    // Overflows where v0 is large, which says nothing of x.
    const std::string overflowing = "square(square(square(exp(square(square(v0))))))";
    EXPECT_TRUE(std::ranges::any_of(probe_values(parse_text(overflowing)), [](double v) { return std::isnan(v); }));
    EXPECT_TRUE(probe_text(overflowing).finite);
    EXPECT_FALSE(probe_text(overflowing).depends_on_x);
    for (const char* text : {"x", "mean_batch(x)", "std_batch(x) + v0", "mean_instance(x)"})
        EXPECT_TRUE(probe_text(text).depends_on_x) << text;
}

TEST(Rounded, keeps_26_bits_of_large_values_and_steps_of_2_to_the_minus_34_of_small_ones) {
    EXPECT_EQ(rounded(1.0), 1.0);
    EXPECT_EQ(rounded(1.0 + 0x1p-25), 1.0 + 0x1p-25);
    EXPECT_EQ(rounded(1.0 + 0x1p-27), 1.0);
    EXPECT_EQ(rounded(1.0 - 0x1p-53), 1.0);
    EXPECT_EQ(rounded(-3.0e30), rounded(-3.0e30 * (1.0 + 1e-15)));
    EXPECT_EQ(rounded(0x1p-34), 0x1p-34);
    EXPECT_EQ(rounded(0x1p-36), 0.0);
    EXPECT_NE(rounded(0x1p-20 + 0x1p-34), rounded(0x1p-20));
}

TEST(Rounded, knows_one_zero_and_one_not_a_number) {
    EXPECT_FALSE(std::signbit(rounded(-0.0)));
    EXPECT_FALSE(std::signbit(rounded(-1e-300)));
    EXPECT_TRUE(std::isnan(rounded(-std::numeric_limits<double>::quiet_NaN())));
    EXPECT_EQ(rounded(std::numeric_limits<double>::infinity()), std::numeric_limits<double>::infinity());
    EXPECT_EQ(rounded(-std::numeric_limits<double>::infinity()), -std::numeric_limits<double>::infinity());
}

RC_GTEST_PROP(Rounded, is_near_and_stays, (double value)) {
    const double once = rounded(value);
    RC_ASSERT(rounded(once) == once);
    RC_ASSERT(std::abs(once - value) <= std::abs(value) * 0x1p-26 + 0x1p-35);
}

}  // namespace
}  // namespace normact::primitives
