#include "primitives/canonical.h"

#include "primitives/fingerprint.h"
#include "primitives/graph_arbitrary.h"
#include "primitives/hash.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>

namespace normact::primitives {
namespace {

std::string canonical_text(std::string_view text) { return to_text(canonical(parse_text(text))); }

/// A graph with the same function: nodes in another topological order, some doubled, some dead, inputs swapped.
LayerGraph rewritten(const LayerGraph& graph, Generator& generator) {
    const std::size_t count = graph.nodes.size();
    LayerGraph result;
    std::vector<int> place(count, -1);
    const auto is_ready = [&](const Node& node) {
        return std::ranges::all_of(inputs_of(node), [&](std::uint16_t input) { return place[input] >= 0; });
    };
    while (place.back() < 0) {
        const std::size_t pick = uniform_below(generator, count);
        Node node = graph.nodes[pick];
        if (!is_ready(node)) continue;
        for (std::size_t k = 0; k < inputs_of(node).size(); ++k)
            node.inputs[k] = static_cast<std::uint16_t>(place[node.inputs[k]]);
        if (primitive(node.op).commutative && uniform_below(generator, 2) == 0)
            std::swap(node.inputs[0], node.inputs[1]);
        place[pick] = static_cast<int>(result.nodes.size());
        result.nodes.push_back(node);
    }
    return result;
}

TEST(Canonical, applies_the_identities) {
    EXPECT_EQ(canonical_text("--x"), "x");
    EXPECT_EQ(canonical_text("---x"), "-x");
    EXPECT_EQ(canonical_text("abs(abs(-x))"), "abs(x)");
    EXPECT_EQ(canonical_text("square(-abs(-x))"), "square(x)");
    EXPECT_EQ(canonical_text("x*x"), "square(x)");
    EXPECT_EQ(canonical_text("-x*-x"), "square(x)");
    EXPECT_EQ(canonical_text("-x/-v0"), "x/v0");
    EXPECT_EQ(canonical_text("max(x, x) + 0"), "x");
    EXPECT_EQ(canonical_text("x - 0"), "x");
    EXPECT_EQ(canonical_text("tanh(-sqrt(mean_batch(0))) + x"), "x");
    EXPECT_EQ(canonical_text("rms_batch(abs(-x))"), "rms_batch(x)");
    EXPECT_EQ(canonical_text("std_layer(-x)"), "std_layer(x)");
    EXPECT_EQ(canonical_text("abs(std_layer(x)) + abs(sigmoid(x))"), canonical_text("std_layer(x) + sigmoid(x)"));
    EXPECT_EQ(canonical_text("0 + max(0, 0)"), "zero");
}

TEST(Canonical, leaves_what_would_change_the_function) {
    for (const std::string text : {"x*zero", "zero/x", "x/x", "x - x", "std_layer(abs(x))", "sqrt(square(x))",
                                   "square(sqrt(x))", "exp(log(x))", "max(x, zero)", "rms_batch(zero)", "exp(zero)"})
        EXPECT_EQ(canonical_text(text), text);
}

TEST(Canonical, drops_dead_nodes_and_shares_equal_ones) {
    const Node x{.op = Op::x};
    const LayerGraph graph{{x,
                            x,
                            {.op = Op::v0},
                            {.op = Op::exp, .inputs = {0}},
                            {.op = Op::exp, .inputs = {1}},
                            {.op = Op::div, .inputs = {3, 4}}}};
    const LayerGraph expected{{x, {.op = Op::exp, .inputs = {0}}, {.op = Op::div, .inputs = {1, 1}}}};
    EXPECT_EQ(canonical(graph), expected);
}

RC_GTEST_PROP(Canonical, is_well_formed_and_never_larger, (const LayerGraph& graph)) {
    const LayerGraph simple = canonical(graph);
    validate(simple);
    RC_ASSERT(simple.nodes.size() <= static_cast<std::size_t>(std::ranges::count(live_nodes(graph), true)));
}

RC_GTEST_PROP(Canonical, changes_nothing_the_second_time, (const LayerGraph& graph)) {
    const LayerGraph once = canonical(graph);
    RC_ASSERT(canonical(once) == once);
}

RC_GTEST_PROP(Canonical, keeps_the_function_to_the_last_bit, (const LayerGraph& graph)) {
    const std::vector<double> before = probe_values(graph), after = probe_values(canonical(graph));
    for (std::size_t i = 0; i < before.size(); ++i)
        RC_ASSERT(before[i] == after[i] || (std::isnan(before[i]) && std::isnan(after[i])));
}

RC_GTEST_PROP(Canonical, does_not_see_order_and_dead_or_doubled_nodes, (const LayerGraph& graph, std::uint64_t seed)) {
    Generator generator(seed);
    const LayerGraph other = rewritten(graph, generator);
    RC_ASSERT(canonical(other) == canonical(graph));
    RC_ASSERT(hash(other) == hash(graph));
}

}  // namespace
}  // namespace normact::primitives
