#include "search/mutation.h"

#include "primitives/canonical.h"
#include "primitives/catalogue.h"
#include "primitives/fingerprint.h"
#include "primitives/graph_arbitrary.h"
#include "primitives/hash.h"
#include "search/samples.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <tuple>

namespace normact::search {
namespace {

using primitives::LayerGraph;
using primitives::Node;
using primitives::Op;
using primitives::Space;

const Space space = primitives::paper_space(true);

bool starts_with_the_initial_nodes(const LayerGraph& graph) {
    constexpr std::array initial{Op::x, Op::zero, Op::v0, Op::v1};
    return std::ranges::equal(initial, std::span(graph.nodes).first(4), {}, {}, &Node::op);
}

std::size_t count_live(const LayerGraph& graph) {
    return static_cast<std::size_t>(std::ranges::count(primitives::live_nodes(graph), true));
}

LayerGraph catalogue_layer(const char* name) {
    return primitives::canonical(primitives::find_in_catalogue(name)->layer.graph);
}

RC_GTEST_PROP(Genotype, computes_what_the_layer_computes, (const LayerGraph& graph, std::uint64_t seed)) {
    Generator generator(seed);
    const LayerGraph canonical = primitives::canonical(graph);
    const LayerGraph full = genotype(generator, space, canonical);
    primitives::validate(full);
    RC_ASSERT(starts_with_the_initial_nodes(full));
    if (canonical.nodes.size() == 1) RC_DISCARD("an initial node alone has no intermediate node to keep");
    RC_ASSERT(primitives::hash(full) == primitives::hash_canonical(canonical));
}

RC_GTEST_PROP(Mutation, keeps_a_graph_valid_and_of_its_length, (const LayerGraph& graph, std::uint64_t seed)) {
    Generator generator(seed);
    const LayerGraph full = genotype(generator, space, primitives::canonical(graph));
    const LayerGraph mutated = mutate(generator, space, full);
    primitives::validate(mutated);
    RC_ASSERT(starts_with_the_initial_nodes(mutated));
    RC_ASSERT(mutated.nodes.size() == full.nodes.size());
}

RC_GTEST_PROP(Mutation, changes_one_intermediate_node_at_most, (const LayerGraph& graph, std::uint64_t seed)) {
    Generator generator(seed);
    const LayerGraph mutated = mutate(generator, space, graph);
    int changed = 0;
    for (std::size_t i = 0; i < graph.nodes.size(); ++i) changed += graph.nodes[i] == mutated.nodes[i] ? 0 : 1;
    RC_ASSERT(changed <= 1);
}

TEST(Genotype, has_the_spaces_length) {
    Generator generator(1);
    EXPECT_EQ(genotype(generator, space, catalogue_layer("EvoNorm-S0")).nodes.size(), 14U);
}

TEST(Genotype, of_a_larger_graph_keeps_all_its_nodes) {
    Generator generator(2);
    Space small = space;
    small.intermediate_nodes = 2;
    const LayerGraph parent = catalogue_layer("EvoNorm-B0");
    const LayerGraph full = genotype(generator, small, parent);
    EXPECT_EQ(primitives::hash(full), primitives::hash_canonical(parent));
    EXPECT_EQ(count_live(full), count_live(parent));
}

TEST(Genotype, of_an_initial_node_alone_is_a_random_graph) {
    Generator one(3), other(3);
    EXPECT_EQ(genotype(one, space, primitives::parse_text("x")), primitives::random_graph(other, space));
}

TEST(Genotype, scatters_dead_nodes_evenly_before_the_output) {
    Generator generator(4);
    const LayerGraph parent =
        primitives::parse_text("tanh(square(x))");  // 8 dead nodes and 2 live ones, one the output
    std::vector<int> place_of_square(9);
    for (int i = 0; i < 20000; ++i) {
        const LayerGraph full = genotype(generator, space, parent);
        const auto live = primitives::live_nodes(full);
        EXPECT_EQ(full.nodes[13].op, Op::tanh);
        ++place_of_square[static_cast<std::size_t>(std::find(live.begin() + 4, live.end(), true) - live.begin()) - 4];
    }
    EXPECT_LT(chi_square(place_of_square), rare_chi_square(9));
}

/// A graph whose nodes show where a mutation struck: no draw of the space below gives neg.
LayerGraph all_neg(int intermediate) {
    Generator unused(0);
    Space negations;
    negations.elementwise = {Op::neg};
    negations.intermediate_nodes = intermediate;
    return primitives::random_graph(unused, negations);
}

Space without_neg() {
    Space rest = space;
    std::erase(rest.elementwise, Op::neg);
    return rest;
}

TEST(Mutation, strikes_each_intermediate_node_equally_often) {
    Generator generator(5);
    const LayerGraph parent = all_neg(10);
    std::vector<int> strikes(10);
    for (int i = 0; i < 20000; ++i) {
        const LayerGraph mutated = mutate(generator, without_neg(), parent);
        for (std::size_t node = 0; node < 10; ++node) strikes[node] += mutated.nodes[node + 4].op == Op::neg ? 0 : 1;
    }
    EXPECT_EQ(std::accumulate(strikes.begin(), strikes.end(), 0), 20000) << "each mutation strikes one node";
    EXPECT_LT(chi_square(strikes), rare_chi_square(10));
}

TEST(Mutation, draws_operations_equally_often_each_moment_once_an_index_set) {
    Generator generator(6);
    const LayerGraph parent = all_neg(1);
    std::map<std::pair<Op, primitives::IndexSet>, int> times;
    for (int i = 0; i < 40000; ++i) {
        const Node node = mutate(generator, space, parent).nodes.back();
        ++times[{node.op, node.over}];
    }
    std::vector<int> counts;
    counts.reserve(times.size());
    for (const auto& [operation, count] : times) counts.push_back(count);
    ASSERT_EQ(counts.size(), 12U + 3 * 4);
    EXPECT_LT(chi_square(counts), rare_chi_square(counts.size()));
}

TEST(Mutation, draws_predecessors_equally_often_and_independently) {
    Generator generator(7);
    Space additions;
    additions.elementwise = {Op::add};
    std::vector<int> pairs(36);  // of two predecessors among the 6 nodes before the last one
    for (int i = 0; i < 200000; ++i) {
        const Node node = mutate(generator, additions, all_neg(3)).nodes.back();
        if (node.op == Op::add) ++pairs[node.inputs[0] * 6U + node.inputs[1]];
    }
    EXPECT_LT(chi_square(pairs), rare_chi_square(36));
}

TEST(Mutation, grows_and_shrinks_a_layers_function) {
    Generator generator(8);
    const LayerGraph parent = catalogue_layer("EvoNorm-S0");
    int grown = 0, shrunk = 0;
    for (int i = 0; i < 2000; ++i) {
        const std::size_t live = count_live(child(generator, space, parent, 1));
        grown += live > count_live(parent) ? 1 : 0;
        shrunk += live < count_live(parent) ? 1 : 0;
    }
    EXPECT_GT(grown, 100);
    EXPECT_GT(shrunk, 100);
}

/// EvoNorm-S0 has 5 of 10 intermediate nodes alive, so that a dead one is struck half of the time. A live one that is
/// struck rarely computes the same again: a redraw of the same kind of node has probability below 1 in 24 · 6.
TEST(Mutation, of_a_dead_node_changes_nothing) {
    Generator generator(9);
    const LayerGraph parent = catalogue_layer("EvoNorm-S0");
    ASSERT_EQ(count_live(parent) - 2, 5U) << "beside x and v1";
    const auto hash = primitives::hash_canonical(parent);
    int same = 0;
    for (int i = 0; i < 10000; ++i) same += primitives::hash(child(generator, space, parent, 1)) == hash ? 1 : 0;
    EXPECT_NEAR(same, 5000, rare_deviation(10000, 0.5) + 10000 * 0.5 / 144);
}

TEST(Child, without_mutations_is_its_parent) {
    Generator generator(10);
    const LayerGraph parent = catalogue_layer("EvoNorm-B0");
    EXPECT_EQ(primitives::canonical(child(generator, space, parent, 0)), parent);
}

TEST(Child, is_the_same_from_the_same_generator) {
    const LayerGraph parent = catalogue_layer("EvoNorm-B0");
    Generator one(11), same(11), other(12);
    EXPECT_EQ(child(one, space, parent, 2), child(same, space, parent, 2));
    EXPECT_NE(child(one, space, parent, 2), child(other, space, parent, 2));
}

}  // namespace
}  // namespace normact::search
