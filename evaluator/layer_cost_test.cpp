#include "evaluator/layer_cost.h"

#include "primitives/catalogue.h"

#include <gtest/gtest.h>

#include <array>

namespace normact::evaluator {
namespace {

using primitives::IndexSet;
using primitives::LayerGraph;
using primitives::Op;

TEST(LayerCost, is_what_forward_and_backward_move) {
    // x read for the moments and again for y, y written; then x and the gradient read twice, the gradient of x written.
    EXPECT_EQ(least_bytes_moved(primitives::find_in_catalogue("BN-ReLU")->layer.graph), 4 * 3 + 4 * 5);
    EXPECT_EQ(least_bytes_moved(primitives::find_in_catalogue("ReLU")->layer.graph), 4 * 2 + 4 * 3);
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
        EXPECT_GT(least_bytes_moved(chain(op, 60)), 0) << primitives::primitive(op).name;
}

}  // namespace
}  // namespace normact::evaluator
