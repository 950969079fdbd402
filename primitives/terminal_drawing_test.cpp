#include "primitives/terminal_drawing.h"

#include "primitives/catalogue.h"
#include "primitives/graph_arbitrary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <sstream>

namespace normact::primitives {
namespace {

using testing::EndsWith;
using testing::HasSubstr;

std::string drawn(std::string_view text, const TerminalStyle& style = {}) {
    return to_terminal(parse_text(text), style);
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    return lines;
}

std::size_t columns(const std::string& line) {
    return static_cast<std::size_t>(std::ranges::count_if(line, [](char c) { return (c & '\xc0') != '\x80'; }));
}

TEST(TerminalDrawing, shows_a_line_a_node_and_what_is_known) {
    EXPECT_EQ(to_terminal(find_in_catalogue("BN-ReLU")->layer.graph),
              "max(□, zero)   ReLU\n"
              "└─ □ + v0      affine batch normalization of x\n"
              "   └─ □/□\n"
              "      ├─ v1*□\n"
              "      │  └─ x - □\n"
              "      │     └─ mean_batch(x)\n"
              "      └─ std_batch(x)\n");
}

TEST(TerminalDrawing, names_what_is_used_again) {
    EXPECT_EQ(drawn("n = v0 + v1*tanh(x); n*sigmoid(n)"),
              "□*□              SiLU of t1\n"
              "├─ t1 = v0 + □   affine\n"
              "│  └─ v1*□\n"
              "│     └─ tanh(x)\n"
              "└─ sigmoid(t1)\n");
}

TEST(TerminalDrawing, needs_no_more_than_ascii) {
    const std::string text = drawn("max(tanh(x - exp(x)), std_group(v1*x))", {.unicode = false});
    EXPECT_EQ(text,
              "max(_, _)\n"
              "|- tanh(_)\n"
              "|  `- x - _\n"
              "|     `- exp(x)\n"
              "`- std_group(_)\n"
              "   `- v1*x\n");
}

TEST(TerminalDrawing, of_an_initial_node_is_its_name) { EXPECT_EQ(drawn("x"), "x\n"); }

TEST(TerminalDrawing, of_the_catalogue_fits_80_columns_and_a_screen) {
    for (const CatalogueEntry& entry : catalogue()) {
        const auto lines = lines_of(to_terminal(entry.layer.graph));
        EXPECT_LE(lines.size(), 24u) << entry.name;
        for (const std::string& line : lines) EXPECT_LE(columns(line), 80u) << entry.name;
    }
}

TEST(TerminalDrawing, of_a_huge_graph_says_how_much_is_left_out) {
    LayerGraph chain{{{.op = Op::x}}};
    while (chain.nodes.size() < max_nodes)
        chain.nodes.push_back({.op = Op::tanh, .inputs = {static_cast<std::uint16_t>(chain.nodes.size() - 1)}});
    const std::string text = to_terminal(chain, {.unicode = true, .most_lines = 20});
    EXPECT_EQ(lines_of(text).size(), 21u);
    EXPECT_THAT(text, HasSubstr("\nt1 = tanh(□)\n")) << "what is too deep comes behind";
    EXPECT_THAT(text, EndsWith("\n… 1003 more lines\n"));
}

/// How often a node is drawn at all, and each name is given.
RC_GTEST_PROP(TerminalDrawing, draws_each_node_once_and_gives_each_name_once, (const LayerGraph& graph)) {
    const LayerGraph shared = parse_text(to_text(graph));
    const auto lines = lines_of(to_terminal(graph, {.unicode = false, .most_lines = max_nodes}));
    std::size_t inner = 0, subtractions = 0, holes = 0, roots = 0;
    for (const Node& node : shared.nodes) inner += primitive(node.op).kind == Kind::initial ? 0 : 1;
    for (const std::string& line : lines) {
        RC_ASSERT(columns(line) <= 80);
        const std::string formula = line.substr(0, line.find("   ", line.find_first_not_of(" |`-")));
        subtractions += formula.find(" - ", formula.find_first_not_of(" |`-")) != std::string::npos ? 1 : 0;
        holes += static_cast<std::size_t>(std::ranges::count(formula, '_')) -
                 (formula.find("_batch") != std::string::npos || formula.find("_instance") != std::string::npos ||
                          formula.find("_layer") != std::string::npos || formula.find("_group") != std::string::npos
                      ? 1
                      : 0);
        roots += line.find_first_of("|` ") != 0 ? 1 : 0;
    }
    RC_ASSERT(lines.size() == roots + holes);
    RC_ASSERT(lines.size() == std::max<std::size_t>(1, inner - subtractions));
    const std::string text = to_terminal(graph, {.unicode = false, .most_lines = max_nodes});
    for (int number = 1; text.find("t" + std::to_string(number) + " = ") != std::string::npos; ++number) {
        const std::string definition = "t" + std::to_string(number) + " = ";
        RC_ASSERT(text.find(definition, text.find(definition) + 1) == std::string::npos);
    }
}

}  // namespace
}  // namespace normact::primitives
