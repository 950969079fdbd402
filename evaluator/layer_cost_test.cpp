#include "evaluator/layer_cost.h"

#include "primitives/catalogue.h"
#include "primitives/text.h"

#include <gtest/gtest.h>

#include <array>

namespace normact::evaluator {
namespace {

using primitives::IndexSet;
using primitives::LayerGraph;
using primitives::Op;

LayerCost cost_of(const char* name) { return layer_cost(primitives::find_in_catalogue(name)->layer.graph); }

TEST(LayerCost, is_what_forward_and_backward_move) {
    // x read for the moments and again for y, y written; then x and the gradient read twice, the gradient of x written.
    EXPECT_EQ(cost_of("BN-ReLU").bytes, 4 * 3 + 4 * 5);
    EXPECT_EQ(cost_of("ReLU").bytes, 4 * 2 + 4 * 3);
    EXPECT_EQ(cost_of("EvoNorm-S0").bytes, 4 * 2 + 4 * 3) << "a group of channels is read again from the cache";
}

TEST(LayerCost, counts_the_operations_on_elements) {
    // gamma * max(x, 0) + beta: three; backward seven, and two sums for the gradients of gamma and beta.
    EXPECT_EQ(cost_of("ReLU").operations, 3 + 7 + 2);
    EXPECT_GE(layer_cost(primitives::parse_text("tanh(x)")).operations,
              layer_cost(primitives::parse_text("abs(x)")).operations + 11)
        << "a transcendental function takes as long as a dozen others";
    EXPECT_GT(cost_of("GN-ReLU").operations, cost_of("ReLU").operations) << "though both move the same bytes";
}

/// Each node reads the one before, twice if it can, so that there are 2^nodes ways through the graph.
LayerGraph chain(Op op, std::size_t nodes) {
    constexpr std::array sets{IndexSet::batch, IndexSet::instance, IndexSet::layer, IndexSet::group};
    LayerGraph graph{{{.op = Op::x}}};
    for (std::size_t i = 0; i < nodes; ++i) {
        const auto before = static_cast<std::uint16_t>(i);
        const bool is_moment = primitives::primitive(op).kind == primitives::Kind::moment;
        if (is_moment)
            graph.nodes.push_back({op, sets[i % sets.size()], {before}});
        else
            graph.nodes.push_back({op, IndexSet::none, {before, before}});
    }
    return graph;
}

TEST(LayerCost, is_counted_where_there_are_very_many_ways_through_a_graph) {
    for (const Op op : {Op::add, Op::mul, Op::div, Op::max, Op::mean, Op::rms, Op::std})
        EXPECT_GT(layer_cost(chain(op, 60)).bytes, 0) << primitives::primitive(op).name;
}

}  // namespace
}  // namespace normact::evaluator
