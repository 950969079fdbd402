#include "primitives/text.h"

#include "primitives/canonical.h"
#include "primitives/expression.h"
#include "primitives/graph_arbitrary.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace normact::primitives {
namespace {

std::string complaint(std::string_view text) {
    try {
        parse_text(text);
    } catch (const InvalidGraph& error) {
        return error.what();
    }
    return "none";
}

std::string reprinted(std::string_view text) { return to_text(parse_text(text)); }

std::string repeated(std::string_view text, std::size_t times) {
    std::string result;
    for (std::size_t i = 0; i < times; ++i) result += text;
    return result;
}

RC_GTEST_PROP(Text, prints_what_it_reads_and_reads_what_it_prints, (const LayerGraph& graph)) {
    const std::string text = to_text(graph);
    const LayerGraph read = parse_text(text);
    validate(read);
    RC_ASSERT(to_text(read) == text);
    RC_ASSERT(canonical(read) == canonical(graph));
}

TEST(Text, prints_as_a_person_would) {
    for (const std::string text :
         {"x", "zero", "v0", "x*sigmoid(v1*x)/std_group(x)", "x/max(std_batch(x), v1*x + std_instance(x))", "-x*v1",
          "-(x*v1)", "x*-v1", "--x", "x - -v0", "-x - v0", "x - (v0 - v1)", "x - v0 - v1", "x + (v0 + v1)", "x/(v0*v1)",
          "x/v0/v1", "x/(v0/v1)", "(x + v0)*v1", "mean_layer(log(x)) + rms_instance(square(tanh(sqrt(exp(abs(x))))))"})
        EXPECT_EQ(reprinted(text), text);
    EXPECT_EQ(reprinted("  max( x ,\t0 )\n"), "max(x, zero)");
    EXPECT_EQ(reprinted("add(x, neg(mul(v0, div(v1, x))))"), "x - v0*(v1/x)");
    EXPECT_EQ(reprinted("-v0 + x"), "x - v0");
    EXPECT_EQ(reprinted("((x))"), "x");
    EXPECT_EQ(reprinted("a = x; b = a; a*b"), "x*x");
}

TEST(Text, reads_the_nodes_in_the_order_of_writing_after_the_initial_ones) {
    const LayerGraph expected{{{.op = Op::x},
                               {.op = Op::zero},
                               {.op = Op::v0},
                               {.op = Op::v1},
                               {.op = Op::mul, .inputs = {3, 0}},
                               {.op = Op::sigmoid, .inputs = {4}},
                               {.op = Op::mul, .inputs = {0, 5}},
                               {.op = Op::std, .over = IndexSet::group, .inputs = {0}},
                               {.op = Op::div, .inputs = {6, 7}}}};
    EXPECT_EQ(parse_text("x*sigmoid(v1*x)/std_group(x)"), expected);
    EXPECT_EQ(parse_text("0"), (LayerGraph{{{.op = Op::zero}}}));
}

TEST(Text, errors_name_the_column) {
    EXPECT_EQ(complaint(""), "column 1: expected x, a name, a function or '(', but the text ends");
    EXPECT_EQ(complaint("x +"), "column 4: expected x, a name, a function or '(', but the text ends");
    EXPECT_EQ(complaint("x x"), "column 3: expected an operator or the end, not 'x'");
    EXPECT_EQ(complaint("max(x)"), "column 6: expected ',', not ')'");
    EXPECT_EQ(complaint("exp(x, x)"), "column 6: expected ')', not ','");
    EXPECT_EQ(complaint("exp x"), "column 5: expected '(', not 'x'");
    EXPECT_EQ(complaint("x + relu(x)"), "column 5: nothing is called 'relu'");
    EXPECT_EQ(complaint("std(x)"), "column 1: 'std' needs an index set: std_batch std_instance std_layer std_group");
    EXPECT_EQ(complaint("std_pixel(x)"), "column 1: nothing is called 'std_pixel'");
    EXPECT_EQ(complaint("x + 1"), "column 5: the only number there is is 0; use v0 or v1 for trainable constants");
    EXPECT_EQ(complaint("0.5"), "column 1: the only number there is is 0; use v0 or v1 for trainable constants");
    EXPECT_EQ(complaint("x + \x01"), "column 5: expected x, a name, a function or '(', not the byte 0x01");
    EXPECT_EQ(complaint(std::string_view("x\0y", 3)), "column 2: expected an operator or the end, not the byte 0x00");
    EXPECT_EQ(complaint("x·v1"), "column 2: expected an operator or the end, not the byte 0xc2");
    EXPECT_EQ(complaint("x)"), "column 2: expected an operator or the end, not ')'");
    EXPECT_EQ(complaint("(x"), "column 3: expected ')', but the text ends");
    EXPECT_EQ(complaint("a = exp(x); x"), "column 1: 'a' is never used");
    EXPECT_EQ(complaint("a = x; a = x; a"), "column 8: 'a' is defined twice");
    EXPECT_EQ(complaint("x = v0; x"), "column 1: 'x' has a meaning already");
    EXPECT_EQ(complaint("std_batch = v0; x"), "column 1: 'std_batch' has a meaning already");
    EXPECT_EQ(complaint("a = a; a"), "column 5: nothing is called 'a'");
    EXPECT_EQ(complaint("a = x"), "column 6: expected ';', but the text ends");
    EXPECT_EQ(complaint(std::string(65, 'a')), "column 1: a name may have at most 64 letters");
}

TEST(Text, refuses_deep_and_endless_texts) {
    constexpr std::size_t many = 30000;
    EXPECT_EQ(complaint(repeated("(", many)), "column 201: nested more than 200 deep");
    EXPECT_EQ(complaint(repeated("-", many)), "column 201: nested more than 200 deep");
    EXPECT_EQ(complaint(repeated("tanh(", 10000)), "column 1001: nested more than 200 deep");
    EXPECT_EQ(complaint(repeated("x+", many) + "x"), "column 2044: more than 1024 nodes up to here");
    EXPECT_EQ(complaint(repeated("x", 100'000'000)), "the text has 100000000 bytes; at most 65536 are read");
}

/// exp(exp(… x …)), or with two inputs everywhere the same node: 2^count paths.
LayerGraph tower(Op op, std::size_t count) {
    LayerGraph graph{{{.op = Op::x}}};
    for (std::size_t i = 0; i < count; ++i) {
        const auto last = static_cast<std::uint16_t>(i);
        graph.nodes.push_back({.op = op});
        if (primitive(op).arity > 0) graph.nodes.back().inputs[0] = last;
        if (primitive(op).arity > 1) graph.nodes.back().inputs[1] = last;
    }
    return graph;
}

TEST(Text, names_what_would_be_repeated_too_often_or_nested_too_deep) {
    EXPECT_EQ(to_text(tower(Op::max, 3)), "max(max(max(x, x), max(x, x)), max(max(x, x), max(x, x)))");
    EXPECT_EQ(to_text(tower(Op::max, 6)),
              "t1 = max(x, x); t2 = max(t1, t1); t3 = max(t2, t2); t4 = max(t3, t3); t5 = max(t4, t4); max(t5, t5)");
    for (const Op op : {Op::exp, Op::max, Op::add, Op::neg, Op::div}) {
        const LayerGraph graph = tower(op, max_nodes - 4);  // reading begins with four initial nodes
        const std::string text = to_text(graph);
        EXPECT_LT(text.size(), max_text_bytes);
        EXPECT_EQ(to_text(parse_text(text)), text);
        EXPECT_EQ(canonical(parse_text(text)), canonical(graph));
    }
}

TEST(Text, of_a_graph_without_room_for_the_initial_nodes_is_not_read_back) {
    const LayerGraph graph = tower(Op::neg, max_nodes - 4);
    EXPECT_EQ(reread(graph), parse_text(to_text(graph)));
    try {
        reread(tower(Op::neg, max_nodes - 1));
        FAIL() << "read";
    } catch (const InvalidGraph& error) {
        EXPECT_NE(std::string(error.what()).find("1023 nodes beside x"), std::string::npos) << error.what();
    }
}

TEST(Text, of_the_largest_random_graphs_parses_back) {
    Space space = paper_space(true);
    space.intermediate_nodes = max_nodes - 4;
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        Generator generator(seed);
        LayerGraph graph = random_graph(generator, space);
        // A chain of additions over everything, so that all of it is alive.
        const std::size_t half = graph.nodes.size() / 2;
        for (std::size_t i = half; i < graph.nodes.size(); ++i)
            graph.nodes[i] = {.op = Op::add,
                              .inputs = {static_cast<std::uint16_t>(i - 1), static_cast<std::uint16_t>(i - half)}};
        const std::string text = to_text(graph);
        EXPECT_LT(text.size(), max_text_bytes);
        EXPECT_EQ(canonical(parse_text(text)), canonical(graph));
    }
}

TEST(Text, every_primitive_prints_and_parses_back) {
    for (const Primitive& row : all_primitives()) {
        Node node{.op = row.op};
        if (row.kind == Kind::moment) node.over = IndexSet::layer;
        for (int k = 0; k < row.arity; ++k) node.inputs[static_cast<std::size_t>(k)] = static_cast<std::uint16_t>(k);
        const LayerGraph graph{{{.op = Op::x}, {.op = Op::v0}, node}};
        EXPECT_EQ(canonical(parse_text(to_text(graph))), canonical(graph)) << row.name;
    }
}

}  // namespace
}  // namespace normact::primitives
