#include "primitives/json.h"

#include "primitives/catalogue.h"
#include "primitives/graph_arbitrary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace normact::primitives {
namespace {

using testing::HasSubstr;

std::string complaint(std::string_view text) {
    try {
        parse_json(text);
    } catch (const InvalidGraph& error) {
        return error.what();
    }
    return "none";
}

std::string repeated(char c, std::size_t times) {
    std::string text;
    text.resize(times, c);
    return text;
}

/// A layer file with these nodes.
std::string file(const std::string& nodes) {
    return R"({"format": "normact/layer", "version": 1, "name": "", "nodes": [)" + nodes + "]}";
}

RC_GTEST_PROP(Json, reads_what_it_prints, (const LayerGraph& graph)) {
    const Layer layer{.name = "a \"quoted\" näme \\ /", .graph = graph, .settings = {.groups = 7, .epsilon = 0.1}};
    RC_ASSERT(parse_json(to_json(layer)) == layer);
}

TEST(Json, prints_the_exchange_format) {
    const Layer layer{.name = "S2", .graph = parse_text("x/rms_group(x)"), .settings = {}};
    EXPECT_EQ(to_json(layer), R"({"format": "normact/layer", "version": 1, "name": "S2",
 "nodes": [{"op": "x"},
           {"op": "zero"},
           {"op": "v0"},
           {"op": "v1"},
           {"op": "rms", "over": "group", "inputs": [0]},
           {"op": "div", "inputs": [0, 4]}]}
)");
    const Layer other{.name = "", .graph = {{{.op = Op::x}}}, .settings = {.groups = 8, .epsilon = 1e-6}};
    EXPECT_THAT(to_json(other), HasSubstr(R"("settings": {"groups": 8, "epsilon": 1e-06})"));
}

TEST(Json, reads_the_published_example) {
    const Layer layer = parse_json(
        R"({"format": "normact/layer", "version": 1, "name": "EvoNorm-S0",
       "nodes": [{"op": "x"}, {"op": "zero"}, {"op": "v0"}, {"op": "v1"},
                 {"op": "mul", "inputs": [3, 0]}, {"op": "sigmoid", "inputs": [4]},
                 {"op": "mul", "inputs": [0, 5]}, {"op": "std", "over": "group", "inputs": [0]},
                 {"op": "div", "inputs": [6, 7]}]})");
    EXPECT_EQ(layer, find_in_catalogue("EvoNorm-S0")->layer);
}

TEST(Json, settings_are_optional_one_by_one) {
    const std::string begin = R"({"format": "normact/layer", "version": 1, "nodes": [{"op": "x"}], "settings": )";
    EXPECT_EQ(parse_json(begin + "{}}").settings, LayerSettings{});
    EXPECT_EQ(parse_json(begin + R"({"groups": 4}})").settings, (LayerSettings{.groups = 4}));
    EXPECT_EQ(parse_json(begin + R"({"epsilon": 1e-3}})").settings, (LayerSettings{.epsilon = 1e-3}));
    for (const char* bad : {R"({"groups": 0}})", R"({"groups": -1}})", R"({"groups": 1.5}})", R"({"groups": 1e10}})",
                            R"({"groups": 99999999999}})", R"({"groups": "4"}})", R"({"epsilon": 0}})",
                            R"({"epsilon": -1}})", R"({"epsilon": 1e-310}})", R"({"epsilon": 1e31}})",
                            R"({"epsilon": null}})", R"({"eps": 1}})", "[]}", "null}"})
        EXPECT_THAT(complaint(begin + bad), HasSubstr("settings")) << bad;
}

TEST(Json, errors_say_where) {
    EXPECT_THAT(complaint(""), HasSubstr("column 1"));
    EXPECT_THAT(complaint(R"({"format": "normact/layer", "version": 1, "nodes": [{"op")"), HasSubstr("column 58"));
    EXPECT_THAT(complaint(file(R"({"op": "x"},)") + "]"), HasSubstr("column"));
    EXPECT_EQ(complaint("[]"), "the layer: expected an object, not array");
    EXPECT_EQ(complaint("{}"), "the layer: \"format\" is missing");
    EXPECT_EQ(complaint(R"({"format": "onnx"})"), R"("format": must be "normact/layer", not "onnx")");
    EXPECT_EQ(complaint(R"({"format": "normact/layer", "version": 2})"),
              "\"version\": this program reads version 1, not 2");
    EXPECT_EQ(complaint(R"({"format": "normact/layer", "version": 1})"), "the layer: \"nodes\" is missing");
    EXPECT_EQ(complaint(R"({"format": "normact/layer", "version": 1, "nodes": 5})"), "\"nodes\": must be an array");
    EXPECT_EQ(complaint(R"({"format": "normact/layer", "versoin": 1})"), "the layer: unknown key \"versoin\"");
    EXPECT_EQ(complaint(file("")), "the graph has no nodes");
    EXPECT_EQ(complaint(file("5")), "node 0: expected an object, not 5");
    EXPECT_EQ(complaint(file(R"({"op": "x"}, {"op": "relu", "inputs": [0]})")),
              "node 1: no operation is called \"relu\"");
    EXPECT_EQ(complaint(file(R"({"op": 3})")), "node 0: \"op\" must be a string, not 3");
    EXPECT_EQ(complaint(file(R"({"op": "x", "input": [0]})")), "node 0: unknown key \"input\"");
    EXPECT_EQ(complaint(file(R"({"op": "x"}, {"op": "add", "inputs": [0]})")), "node 1: add takes 2 inputs, not 1");
    EXPECT_EQ(complaint(file(R"({"op": "x", "inputs": [0]})")), "node 0: x takes 0 inputs, not 1");
    EXPECT_EQ(complaint(file(R"({"op": "x"}, {"op": "exp"})")), "node 1: exp takes 1 inputs, not 0");
    for (const char* input : {"-1", "0.0", "\"0\"", "null", "[]", "1e3", "99999999999999999999999"})
        EXPECT_THAT(complaint(file(R"({"op": "x"}, {"op": "exp", "inputs": [)" + std::string(input) + "]}")),
                    HasSubstr("node 1: the input"))
            << input;
    EXPECT_THAT(complaint(file(R"({"op": "x"}, {"op": "exp", "inputs": [2]}, {"op": "exp", "inputs": [1]})")),
                HasSubstr("node 1 (exp): input 2 is not an earlier node"));
    EXPECT_THAT(complaint(file(R"({"op": "x"}, {"op": "exp", "inputs": [1]})")), HasSubstr("node 1 (exp): input 1"));
    EXPECT_EQ(complaint(file(R"({"op": "x"}, {"op": "mean", "over": "pixel", "inputs": [0]})")),
              "node 1: no index set is called \"pixel\"");
    EXPECT_THAT(complaint(file(R"({"op": "x"}, {"op": "mean", "inputs": [0]})")), HasSubstr("needs an index set"));
    EXPECT_THAT(complaint(file(R"({"op": "x", "over": "batch"})")), HasSubstr("only moments"));
    EXPECT_EQ(complaint(R"({"format": "normact/layer", "format": 1})"), "the layer: the key \"format\" twice");
    EXPECT_EQ(complaint(file(R"({"op": "x"}, {"op": "exp", "op": "exp"})")), "node 1: the key \"op\" twice");
    EXPECT_EQ(complaint(file(R"({"op": "x"}, {"op": "exp", "inputs": [[0]]})")), "node 1: nested more than 4 deep");
}

TEST(Json, names_may_not_hold_control_characters_or_be_long) {
    const auto with_name = [](const std::string& name) {
        return R"({"format": "normact/layer", "version": 1, "nodes": [{"op": "x"}], "name": ")" + name + "\"}";
    };
    EXPECT_EQ(parse_json(with_name("größe")).name, "größe");
    EXPECT_THAT(complaint(with_name("a\\u0000b")), HasSubstr("\"name\": a control character"));
    EXPECT_THAT(complaint(with_name("a\\u001b[31m")), HasSubstr("\"name\": a control character"));
    EXPECT_THAT(complaint(with_name("a\\nb")), HasSubstr("\"name\": a control character"));
    EXPECT_THAT(complaint(with_name("a\x7f")), HasSubstr("\"name\": a control character"));
    EXPECT_THAT(complaint(with_name("a\u009b31m")), HasSubstr("\"name\": a control character"));
    EXPECT_EQ(parse_json(with_name("a\u00a0\u00c2")).name, "a\u00a0\u00c2");
    EXPECT_THAT(complaint(with_name("a\x01")), HasSubstr("not JSON"));
    EXPECT_THAT(complaint(with_name("\xff\xfe")), HasSubstr("not JSON"));
    EXPECT_THAT(complaint(with_name(std::string(201, 'a'))), HasSubstr("201 bytes; at most 200"));
    const Layer unprintable{.name = "a\nb", .graph = {{{.op = Op::x}}}, .settings = {}};
    EXPECT_THROW(to_json(unprintable), InvalidGraph);
    const Layer not_utf8{.name = "\xff", .graph = {{{.op = Op::x}}}, .settings = {}};
    EXPECT_THROW(to_json(not_utf8), InvalidGraph);
}

TEST(Json, refuses_what_is_too_large_or_too_deep) {
    std::string many = R"({"op": "x"})";
    for (std::size_t i = 1; i <= max_nodes; ++i) many += R"(,{"op": "x"})";
    EXPECT_EQ(complaint(file(many)), "\"nodes\": 1025 nodes; at most 1024");
    std::string million;
    for (int i = 0; i < 1'000'000; ++i) million += R"({"op": "x"},)";
    EXPECT_THAT(complaint(file(million)), HasSubstr("bytes; a layer has at most 1048576"));
    EXPECT_THAT(complaint(repeated('[', 100'000'000)), HasSubstr("100000000 bytes"));
    EXPECT_EQ(complaint(repeated('[', max_json_bytes)), "the layer: nested more than 4 deep");
    std::string keys = R"({"a": 0)";
    for (int i = 0; i < 10'000; ++i) keys += ",\"" + std::to_string(i) + "\": 0";
    EXPECT_THAT(complaint(keys + "}"), HasSubstr("more than 8 keys"));
    EXPECT_LT(complaint(file("\"" + std::string(100'000, 'a') + "\"")).size(), 200U);
    EXPECT_LT(complaint(file("\"" + std::string(100'000, 'a'))).size(), 300U);  // the string does not end
    EXPECT_LT(complaint("{\"" + std::string(100'000, 'a') + R"(": 1, ")" + std::string(100'000, 'a') + "\": 1}").size(),
              200U);
    for (const char byte : complaint("\x7f\xc2\x9b" + std::string(3, '\x80'))) EXPECT_TRUE(byte >= ' ' && byte <= '~');
}

TEST(Json, every_truncation_of_a_layer_is_an_error) {
    const std::string text = to_json(find_in_catalogue("FRN-TLU")->layer);
    for (std::size_t length = 0; length + 2 < text.size(); ++length)
        EXPECT_NE(complaint(text.substr(0, length)), "none") << length;
}

}  // namespace
}  // namespace normact::primitives
