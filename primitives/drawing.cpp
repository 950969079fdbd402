#include "primitives/drawing.h"

#include "primitives/expression.h"

namespace normact::primitives {
namespace {

constexpr Style latex_style{.notation = &Primitive::latex,
                            .set = &IndexSetRow::latex,
                            .subtraction = {"#1 - #2", Binding::sum, {Binding::sum, Binding::product}},
                            .open = "\\left(",
                            .close = "\\right)",
                            .name = "t_{#1}"};

/// A string in Graphviz's double quotes: backslashes would begin an escape, quotes end the string.
std::string quoted(std::string_view text) {
    std::string result = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') result += '\\';
        result += c == '\n' || c == '\r' || c == '\0' ? ' ' : c;
    }
    return result + '"';
}

std::string label(const Node& node) {
    std::string text(primitive(node.op).name);
    if (node.over != IndexSet::none) text += "_" + std::string(name(node.over));
    return text;
}

}  // namespace

std::string to_dot(const Layer& layer) {
    validate(layer.graph);
    const std::vector<Node>& nodes = layer.graph.nodes;
    const std::vector<bool> live = live_nodes(layer.graph);
    std::string dot = "digraph " + quoted(layer.name) + " {\n    rankdir=BT;\n    node [shape=box, style=rounded];\n";
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        if (!live[i]) continue;
        dot += "    n" + std::to_string(i) + " [label=" + quoted(label(nodes[i]));
        if (primitive(nodes[i].op).kind == Kind::initial) dot += ", shape=ellipse";
        if (i + 1 == nodes.size()) dot += ", penwidth=2";
        dot += "];\n";
        const auto inputs = inputs_of(nodes[i]);
        const bool order_matters = inputs.size() > 1 && !primitive(nodes[i].op).commutative;
        for (std::size_t k = 0; k < inputs.size(); ++k) {
            dot += "    n" + std::to_string(inputs[k]) + " -> n" + std::to_string(i);
            if (order_matters) dot += " [label=" + std::to_string(k + 1) + "]";
            dot += ";\n";
        }
    }
    return dot + "}\n";
}

std::string to_latex(const LayerGraph& graph) {
    validate(graph);
    const Expression expression = write(graph, latex_style);
    std::string latex = expression.body;
    for (const auto& [name, body] : expression.definitions) latex += ",\\quad " + name + " = " + body;
    return latex;
}

}  // namespace normact::primitives
