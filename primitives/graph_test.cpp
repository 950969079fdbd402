#include "primitives/graph.h"

#include "primitives/graph_arbitrary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace normact::primitives {
namespace {

using testing::HasSubstr;

std::string complaint(const LayerGraph& graph) {
    try {
        validate(graph);
    } catch (const InvalidGraph& error) {
        return error.what();
    }
    return "none";
}

RC_GTEST_PROP(Graph, random_graphs_are_well_formed, (const LayerGraph& graph)) { validate(graph); }

TEST(Graph, complaints_name_the_node_and_the_fault) {
    const Node x{.op = Op::x};
    EXPECT_THAT(complaint({}), HasSubstr("no nodes"));
    EXPECT_THAT(complaint({{x, {.op = Op::exp, .inputs = {2}}, x}}), HasSubstr("node 1 (exp): input 2"));
    EXPECT_THAT(complaint({{x, {.op = Op::exp, .inputs = {1}}}}), HasSubstr("node 1 (exp): input 1"));
    EXPECT_THAT(complaint({{x, {.op = Op::exp, .inputs = {0, 1}}}}), HasSubstr("beyond the arity"));
    EXPECT_THAT(complaint({{x, {.op = Op::mean}}}), HasSubstr("needs an index set"));
    EXPECT_THAT(complaint({{x, {.op = Op::exp, .over = IndexSet::batch}}}), HasSubstr("only moments"));
    EXPECT_THAT(complaint({{x, {.op = static_cast<Op>(200)}}}), HasSubstr("node 1: no such operation"));
    EXPECT_THAT(complaint({{x, {.op = Op::mean, .over = static_cast<IndexSet>(9)}}}), HasSubstr("no such index set"));
    EXPECT_THAT(complaint({std::vector<Node>(max_nodes + 1)}), HasSubstr("1025 nodes"));
    EXPECT_EQ(complaint({std::vector<Node>(max_nodes)}), "none");
}

TEST(Graph, uses_looks_at_live_nodes_only) {
    const LayerGraph graph{{{.op = Op::x},
                            {.op = Op::v0},
                            {.op = Op::std, .over = IndexSet::batch, .inputs = {1}},
                            {.op = Op::mean, .over = IndexSet::group, .inputs = {0}}}};
    EXPECT_TRUE(uses(graph, IndexSet::group));
    EXPECT_FALSE(uses(graph, IndexSet::batch));
    EXPECT_TRUE(uses(graph, Op::x));
    EXPECT_FALSE(uses(graph, Op::v0));
    EXPECT_FALSE(uses(graph, IndexSet::none));
}

TEST(Graph, groups_are_decremented_until_they_divide_the_channels) {
    EXPECT_EQ(groups_for(64, 32), 32);
    EXPECT_EQ(groups_for(48, 32), 24);
    EXPECT_EQ(groups_for(16, 32), 16);
    EXPECT_EQ(groups_for(37, 32), 1);
    EXPECT_EQ(groups_for(1, 32), 1);
    EXPECT_EQ(groups_for(10, 1), 1);
}

}  // namespace
}  // namespace normact::primitives
