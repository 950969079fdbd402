#include "primitives/known_parts.h"

#include "primitives/canonical.h"
#include "primitives/catalogue.h"
#include "primitives/graph_arbitrary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>

namespace normact::primitives {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> names_in(const LayerGraph& graph) {
    std::vector<std::string> names;
    for (const KnownPart& part : known_parts(canonical(graph))) names.push_back(part.name);
    return names;
}
std::vector<std::string> names_in(std::string_view text) { return names_in(parse_text(text)); }

TEST(KnownParts, of_the_catalogue_are_what_its_names_promise) {
    const auto names_of = [](std::string_view layer) { return names_in(find_in_catalogue(layer)->layer.graph); };
    EXPECT_THAT(names_of("BN-ReLU"), ElementsAre("affine batch normalization", "ReLU"));
    EXPECT_THAT(names_of("GN-SiLU"), ElementsAre("affine group normalization", "SiLU"));
    EXPECT_THAT(names_of("EvoNorm-S0"), ElementsAre("Swish"));
    EXPECT_THAT(names_of("BIN"), ElementsAre("batch normalization", "instance normalization"));
    EXPECT_THAT(names_of("FRN-TLU"), ElementsAre("thresholded linear unit"));
    EXPECT_THAT(names_of("RMSNorm"), ElementsAre("layer rms normalization"));
    EXPECT_THAT(names_of("EvoNorm-B0"), IsEmpty());
    EXPECT_EQ(names_in("max(v0 + ((x - mean_batch(x))/std_batch(x))*v1, zero)"), names_of("BN-ReLU"));
}

TEST(KnownParts, are_found_in_any_order_and_of_any_node) {
    EXPECT_THAT(names_in("max(0, sigmoid(exp(x))*exp(x))"), ElementsAre("SiLU", "ReLU"));
    const LayerGraph graph = canonical(parse_text("max(tanh(x), 0)"));
    const KnownPart relu = known_parts(graph).at(0);
    EXPECT_EQ(graph.nodes[relu.of].op, Op::tanh);
    EXPECT_EQ(relu.node, graph.nodes.size() - 1);
}

TEST(KnownParts, need_one_subject_and_one_index_set) {
    EXPECT_THAT(names_in("(x - mean_batch(x))/std_group(x)"), ElementsAre("centered over batch"));
    EXPECT_THAT(names_in("(x - mean_batch(x))/std_batch(exp(x))"), ElementsAre("centered over batch"));
    EXPECT_THAT(names_in("(v1 - mean_batch(x))/std_batch(x)"), IsEmpty());
    EXPECT_THAT(names_in("x*sigmoid(tanh(x))"), IsEmpty());
}

RC_GTEST_PROP(KnownParts, are_at_most_one_a_node, (const LayerGraph& graph)) {
    const LayerGraph simple = canonical(graph);
    std::set<std::uint16_t> nodes;
    for (const KnownPart& part : known_parts(simple)) {
        RC_ASSERT(nodes.insert(part.node).second);
        RC_ASSERT(part.of < part.node && part.node < simple.nodes.size());
    }
}

}  // namespace
}  // namespace normact::primitives
