#include "primitives/difference.h"

#include "primitives/canonical.h"
#include "primitives/catalogue.h"
#include "primitives/graph_arbitrary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <set>

namespace normact::primitives {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

Difference between(std::string_view before, std::string_view after) {
    return difference(parse_text(before), parse_text(after));
}

std::string label(const Node& node) {
    const std::string set = node.over == IndexSet::none ? "" : "_" + std::string(name(node.over));
    return std::string(primitive(node.op).name) + set;
}
std::vector<std::string> changes(const Difference& d) {
    std::vector<std::string> list;
    for (const NodePair& pair : d.changed)
        list.push_back(label(d.before.nodes[pair.before]) + " > " + label(d.after.nodes[pair.after]));
    return list;
}
std::vector<std::string> labels(const LayerGraph& graph, const std::vector<std::uint16_t>& positions) {
    std::vector<std::string> list;
    for (const std::uint16_t position : positions) list.push_back(label(graph.nodes[position]));
    return list;
}

constexpr std::string_view s0 = "x*sigmoid(v1*x)/std_group(x)";

TEST(Difference, of_equal_layers_is_empty) {
    const Difference d = between(s0, "sigmoid(x*v1)*x/std_group(-x)");
    EXPECT_TRUE(d.is_empty());
    EXPECT_FALSE(d.is_one_mutation);
    EXPECT_THAT(d.kept, SizeIs(d.before.nodes.size()));
}

TEST(Difference, finds_a_changed_index_set_and_keeps_all_else) {
    const Difference d = between(s0, "x*sigmoid(v1*x)/std_batch(x)");
    EXPECT_THAT(changes(d), ElementsAre("std_group > std_batch"));
    EXPECT_THAT(d.removed, IsEmpty());
    EXPECT_THAT(d.added, IsEmpty());
    EXPECT_TRUE(d.is_one_mutation);
}

TEST(Difference, finds_a_changed_operation_below_what_is_kept) {
    const Difference d = between(s0, "x*tanh(v1*x)/std_group(x)");
    EXPECT_THAT(changes(d), ElementsAre("sigmoid > tanh"));
    EXPECT_TRUE(d.is_one_mutation);
}

TEST(Difference, finds_a_changed_input_and_what_falls_out_of_use) {
    const Difference d = between(s0, "x*sigmoid(x)/std_group(x)");
    EXPECT_THAT(changes(d), ElementsAre("sigmoid > sigmoid"));
    EXPECT_THAT(labels(d.before, d.removed), ElementsAre("v1", "mul"));
    EXPECT_THAT(d.added, IsEmpty());
    EXPECT_TRUE(d.is_one_mutation);
}

TEST(Difference, finds_what_comes_into_use) {
    const Difference d = between("x/std_batch(x)", "x/max(std_batch(x), v1*x)");
    EXPECT_THAT(changes(d), ElementsAre("div > div"));
    EXPECT_THAT(labels(d.after, d.added), ElementsAre("v1", "mul", "max"));
    EXPECT_TRUE(d.is_one_mutation) << "the nodes may have been there, unused";
}

TEST(Difference, sees_one_mutation_where_every_use_of_a_node_goes_to_another) {
    const Difference d = between("max(tanh(x), v0)/std_batch(tanh(x))", "max(x, v0)/std_batch(x)");
    EXPECT_THAT(labels(d.before, d.removed), ElementsAre("tanh"));
    EXPECT_TRUE(d.is_one_mutation);
    EXPECT_FALSE(between("max(tanh(x), v0)/std_batch(tanh(x))", "max(x, v0)/std_batch(tanh(x))*x").is_one_mutation);
}

TEST(Difference, counts_two_mutations_as_more_than_one) {
    const Difference d = between(s0, "x*tanh(v1*x)/std_batch(x)");
    EXPECT_THAT(changes(d), UnorderedElementsAre("sigmoid > tanh", "std_group > std_batch"));
    EXPECT_FALSE(d.is_one_mutation);
    EXPECT_FALSE(between("x/std_batch(x)", "tanh(x/std_batch(x))").is_one_mutation)
        << "the output is the last node: nothing can be put on top of it";
}

TEST(Difference, writes_commutative_inputs_in_one_order) {
    const Difference d = between("max(exp(x), tanh(v1))", "max(square(x), tanh(v1))");
    const auto [from, to] = std::pair(d.before.nodes.back().inputs, d.after.nodes.back().inputs);
    const auto tanh_at = [](const LayerGraph& graph, const auto& inputs) {
        return graph.nodes[inputs[0]].op == Op::tanh ? 0 : 1;
    };
    EXPECT_EQ(tanh_at(d.before, from), tanh_at(d.after, to));
    EXPECT_THAT(changes(d), ElementsAre("exp > square"));
}

TEST(Difference, of_the_largest_graphs_is_found) {
    LayerGraph before{{{.op = Op::x}}}, after = before;
    for (std::size_t i = 1; i < max_nodes; ++i) {
        const Node node{.op = i % 2 == 0 ? Op::tanh : Op::exp, .inputs = {static_cast<std::uint16_t>(i - 1)}};
        before.nodes.push_back(node);
        after.nodes.push_back(i == 500 ? Node{.op = Op::sigmoid, .inputs = node.inputs} : node);
    }
    EXPECT_THAT(changes(difference(before, after)), ElementsAre("tanh > sigmoid"));
}

RC_GTEST_PROP(Difference, tells_of_each_node_exactly_once, (const LayerGraph& before, const LayerGraph& after)) {
    const Difference d = difference(before, after);
    RC_ASSERT(canonical(d.before) == canonical(before) && canonical(d.after) == canonical(after));
    std::multiset<std::uint16_t> of_before(d.removed.begin(), d.removed.end());
    std::multiset<std::uint16_t> of_after(d.added.begin(), d.added.end());
    std::map<std::uint16_t, std::uint16_t> partner;
    for (const auto* pairs : {&d.kept, &d.changed})
        for (const NodePair& pair : *pairs) {
            of_before.insert(pair.before), of_after.insert(pair.after);
            partner[pair.before] = pair.after;
        }
    RC_ASSERT(of_before.size() == d.before.nodes.size());
    for (std::size_t i = 0; i < d.before.nodes.size(); ++i)
        RC_ASSERT(of_before.count(static_cast<std::uint16_t>(i)) == 1);
    for (std::size_t j = 0; j < d.after.nodes.size(); ++j)
        RC_ASSERT(of_after.count(static_cast<std::uint16_t>(j)) == 1);
    RC_ASSERT(of_after.size() == d.after.nodes.size());
    const auto is_kept = [&](const NodePair& pair) {
        const Node &from = d.before.nodes[pair.before], &to = d.after.nodes[pair.after];
        bool same = from.op == to.op && from.over == to.over;
        for (std::size_t k = 0; same && k < inputs_of(from).size(); ++k)
            same = partner.contains(from.inputs[k]) && partner.at(from.inputs[k]) == to.inputs[k];
        return same;
    };
    RC_ASSERT(std::ranges::all_of(d.kept, is_kept));
    RC_ASSERT(std::ranges::none_of(d.changed, is_kept));
}

std::ptrdiff_t operations_of(const LayerGraph& graph) {
    return std::ranges::count_if(graph.nodes,
                                 [](const Node& node) { return primitive(node.op).kind != Kind::initial; });
}

TEST(Difference, knows_nearly_every_mutation_below_the_output_for_one) {
    Generator generator(1);
    const Space space = paper_space(true);
    int mutations = 0, known = 0;
    for (const LayerGraph& parent : sample_graphs(generator, 2000)) {
        LayerGraph child = parent;
        const std::size_t position = 4 + uniform_below(generator, parent.nodes.size() - 5);
        child.nodes[position] = random_node(generator, space, position);
        if (canonical(child) == canonical(parent)) continue;
        ++mutations;
        known += difference(parent, child).is_one_mutation ? 1 : 0;
    }
    EXPECT_GT(mutations, 300);
    // The others change more than one node of the canonical form, as where a negation begins to cancel.
    EXPECT_GT(static_cast<double>(known) / mutations, 0.95);
}

TEST(Difference, does_not_take_unrelated_layers_for_one_mutation) {
    Generator generator(2);
    Space space = paper_space(true);
    space.intermediate_nodes = 30;
    std::vector<LayerGraph> graphs;
    while (graphs.size() < 2000) graphs.push_back(random_graph(generator, space));
    std::erase_if(graphs, [](const LayerGraph& graph) { return operations_of(canonical(graph)) < 6; });
    ASSERT_GT(graphs.size(), 100u);
    int mistaken = 0;
    for (std::size_t i = 0; i + 1 < graphs.size(); ++i)
        mistaken += difference(graphs[i], graphs[i + 1]).is_one_mutation ? 1 : 0;
    EXPECT_LT(mistaken, static_cast<int>(graphs.size() / 20));
}

}  // namespace
}  // namespace normact::primitives
