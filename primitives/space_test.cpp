#include "primitives/space.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

namespace normact::primitives {
namespace {

TEST(Space, the_papers_spaces_differ_in_batch_moments_alone) {
    const Space with = paper_space(true), without = paper_space(false);
    EXPECT_EQ(with.elementwise.size(), 12U);
    EXPECT_EQ(with.moments.size(), 3U);
    EXPECT_EQ(with.index_sets.size(), 4U);
    EXPECT_EQ(without.elementwise, with.elementwise);
    EXPECT_EQ(without.index_sets, (std::vector{IndexSet::instance, IndexSet::layer, IndexSet::group}));
    EXPECT_EQ(with.intermediate_nodes, 10);
}

TEST(Space, draws_operations_and_inputs_uniformly) {
    Generator generator(7);
    const Space space = paper_space(true);
    constexpr int draws = 48000;
    constexpr std::size_t position = 6;
    std::map<std::pair<Op, IndexSet>, int> operations;
    std::array<int, position> inputs{};
    int input_count = 0;
    for (int i = 0; i < draws; ++i) {
        const Node node = random_node(generator, space, position);
        ++operations[{node.op, node.over}];
        for (const std::uint16_t input : inputs_of(node)) ++inputs.at(input), ++input_count;
    }
    ASSERT_EQ(operations.size(), 24U);
    // Five standard deviations of a binomial count: one false alarm in 10^5 runs, if the seed were not fixed.
    const double per_operation = draws / 24.0;
    for (const auto& [operation, count] : operations) EXPECT_NEAR(count, per_operation, 5 * std::sqrt(per_operation));
    const double per_input = static_cast<double>(input_count) / position;
    for (const int count : inputs) EXPECT_NEAR(count, per_input, 5 * std::sqrt(per_input));
}

TEST(Space, random_graphs_begin_with_the_initial_nodes_and_repeat_with_their_seed) {
    Generator generator(3), same_seed(3), other_seed(4);
    const LayerGraph graph = random_graph(generator, paper_space(false));
    ASSERT_EQ(graph.nodes.size(), 14U);
    for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(graph.nodes[i].op, static_cast<Op>(i));
    EXPECT_EQ(random_graph(same_seed, paper_space(false)), graph);
    EXPECT_NE(random_graph(other_seed, paper_space(false)), graph);
}

TEST(Space, a_space_without_moments_is_pointwise) {
    Generator generator(5);
    const Space space{.elementwise = {Op::tanh, Op::mul}, .moments = {}, .index_sets = {}, .intermediate_nodes = 200};
    for (const Node& node : random_graph(generator, space).nodes) EXPECT_NE(primitive(node.op).kind, Kind::moment);
}

TEST(Space, sample_graphs_depend_on_x_and_every_other_one_may_take_moments_over_batch) {
    Generator generator(6);
    const std::vector<LayerGraph> graphs = sample_graphs(generator, 400);
    ASSERT_EQ(graphs.size(), 400U);
    std::size_t with_batch = 0;
    for (std::size_t i = 0; i < graphs.size(); ++i) {
        EXPECT_TRUE(uses(graphs[i], Op::x)) << i;
        EXPECT_TRUE(i % 2 == 0 || !uses(graphs[i], IndexSet::batch)) << i;
        with_batch += uses(graphs[i], IndexSet::batch) ? 1 : 0;
    }
    EXPECT_GT(with_batch, 0U);
}

}  // namespace
}  // namespace normact::primitives
