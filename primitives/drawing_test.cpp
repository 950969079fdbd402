#include "primitives/drawing.h"

#include "primitives/graph_arbitrary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

namespace normact::primitives {
namespace {

using testing::HasSubstr;

TEST(Latex, is_written_as_in_papers) {
    EXPECT_EQ(to_latex(parse_text("x*sigmoid(v1*x)/std_group(x)")),
              R"(\frac{x \, \sigma\left(v_1 \, x\right)}{\sqrt{s^{2}_{c/g,h,w}\left(x\right)}})");
    EXPECT_EQ(to_latex(parse_text("max(x, 0)/rms_batch(x)")),
              R"(\frac{\max\left(x, 0\right)}{\sqrt{\mu_{n,h,w}\left(x^{2}\right)}})");
    EXPECT_EQ(to_latex(parse_text("x*(v0 - -v1)")), R"(x \, \left(v_0 - \left(-v_1\right)\right))");
    EXPECT_EQ(to_latex(parse_text("rms_layer(x/v1)")),
              R"(\sqrt{\mu_{c,h,w}\left(\left(\frac{x}{v_1}\right)^{2}\right)})");
}

TEST(Latex, states_what_it_named) {
    std::string text = "x*v1";
    for (int i = 0; i < 6; ++i) text = "max(" + text + ", " + text + ")";
    EXPECT_THAT(to_latex(parse_text(text)), HasSubstr(R"(,\quad t_{1} = x \, v_1,\quad t_{2} = )"));
}

RC_GTEST_PROP(Latex, braces_and_parentheses_match, (const LayerGraph& graph)) {
    const std::string latex = to_latex(graph);
    int depth = 0;
    for (const char c : latex) {
        if (c == '{') ++depth;
        if (c == '}') --depth;
        RC_ASSERT(depth >= 0);
    }
    RC_ASSERT(depth == 0);
    const auto occurrences = [&](std::string_view what) {
        int count = 0;
        for (std::size_t at = latex.find(what); at != std::string::npos; at = latex.find(what, at + 1)) ++count;
        return count;
    };
    RC_ASSERT(occurrences("\\left") == occurrences("\\right"));
    RC_ASSERT(occurrences("#") == 0);
}

TEST(Dot, draws_live_nodes_and_numbers_inputs_where_order_matters) {
    const std::string dot = to_dot({.name = "a layer", .graph = parse_text("x/std_batch(x) + 0*v1"), .settings = {}});
    EXPECT_THAT(dot, HasSubstr("digraph \"a layer\" {"));
    EXPECT_THAT(dot, HasSubstr("n4 [label=\"std_batch\"]"));
    EXPECT_THAT(dot, HasSubstr("n0 -> n5 [label=1]"));
    EXPECT_THAT(dot, HasSubstr("n4 -> n5 [label=2]"));
    EXPECT_THAT(dot, HasSubstr("n1 -> n6;"));
    EXPECT_THAT(dot, Not(HasSubstr("v0")));
}

TEST(Dot, names_cannot_break_out_of_their_quotes) {
    const std::string dot = to_dot({.name = "\"}\\ \n evil", .graph = parse_text("x"), .settings = {}});
    EXPECT_THAT(dot, HasSubstr("digraph \"\\\"}\\\\   evil\" {"));
}

}  // namespace
}  // namespace normact::primitives
