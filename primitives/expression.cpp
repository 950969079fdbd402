#include "primitives/expression.h"

#include <algorithm>

namespace normact::primitives {
namespace {

/// Adds `position` and all below it to `order`, inputs first, in the order in which they are written.
void visit(const LayerGraph& graph, std::uint16_t position, std::vector<bool>& seen, LayerGraph& order,
           std::vector<std::uint16_t>& place) {
    if (seen[position]) return;
    seen[position] = true;
    Node node = graph.nodes[position];
    for (const std::uint16_t input : inputs_of(node)) visit(graph, input, seen, order, place);
    for (std::size_t k = 0; k < inputs_of(node).size(); ++k) node.inputs[k] = place[node.inputs[k]];
    place[position] = static_cast<std::uint16_t>(order.nodes.size());
    order.nodes.push_back(node);
}

/// Which nodes get a name: those used again, if the formula would get long, and those that would nest too deep.
std::vector<bool> named_nodes(const LayerGraph& graph) {
    const std::size_t count = graph.nodes.size();
    std::vector<int> uses(count, 0), size(count, 1), depth(count, 0);
    for (std::size_t i = 0; i < count; ++i)
        for (const std::uint16_t input : inputs_of(graph.nodes[i])) {
            ++uses[input];
            size[i] = std::min(size[i] + size[input], longest_formula + 1);
        }
    const bool is_long = size.back() > longest_formula;
    std::vector<bool> named(count, false);
    for (std::size_t i = 0; i + 1 < count; ++i) {
        const auto inputs = inputs_of(graph.nodes[i]);
        if (inputs.empty()) continue;
        for (const std::uint16_t input : inputs) depth[i] = std::max(depth[i], depth[input] + 1);
        named[i] = (is_long && uses[i] > 1) || depth[i] >= deepest_nesting;
        if (named[i]) depth[i] = 0;
    }
    return named;
}

std::string enclosed(const Piece& piece, Binding wanted, const Style& style) {
    if (piece.binds >= wanted) return piece.text;
    return std::string(style.open) + piece.text + std::string(style.close);
}

}  // namespace

std::string fill(const Notation& notation, std::string_view set, std::span<const Piece* const> inputs,
                 const Style& style) {
    std::string text;
    for (std::size_t i = 0; i < notation.pattern.size(); ++i) {
        if (notation.pattern[i] != '#') {
            text += notation.pattern[i];
        } else if (const char what = notation.pattern[++i]; what == 'S') {
            text += set;
        } else {
            const auto k = static_cast<std::size_t>(what - '1');
            text += enclosed(*inputs[k], notation.wants[k], style);
        }
    }
    return text;
}

LayerGraph as_written(const LayerGraph& graph) {
    LayerGraph shared;
    std::vector<std::uint16_t> place(graph.nodes.size());
    for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
        Node node = graph.nodes[i];
        for (std::size_t k = 0; k < inputs_of(node).size(); ++k) node.inputs[k] = place[node.inputs[k]];
        const auto is_neg = [&](std::size_t k) { return shared.nodes[node.inputs[k]].op == Op::neg; };
        if (node.op == Op::add && is_neg(0) && !is_neg(1)) std::swap(node.inputs[0], node.inputs[1]);
        place[i] = share(shared, node);
    }
    LayerGraph order;
    std::vector<bool> seen(shared.nodes.size(), false);
    visit(shared, place.back(), seen, order, place);
    return order;
}

Expression write(const LayerGraph& graph, const Style& style) {
    const LayerGraph written = as_written(graph);
    const std::vector<bool> named = named_nodes(written);
    Expression expression;
    std::vector<Piece> pieces(written.nodes.size());
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        const Node& node = written.nodes[i];
        const Notation* notation = &(primitive(node.op).*style.notation);
        std::array<const Piece*, 2> inputs{&pieces[node.inputs[0]], &pieces[node.inputs[1]]};
        if (const Node& second = written.nodes[node.inputs[1]];
            node.op == Op::add && second.op == Op::neg && !named[node.inputs[1]]) {
            notation = &style.subtraction;
            inputs[1] = &pieces[second.inputs[0]];
        }
        pieces[i] = {fill(*notation, index_set(node.over).*style.set, inputs, style), notation->binds};
        if (!named[i]) continue;
        const Piece number{std::to_string(expression.definitions.size() + 1)};
        const std::array<const Piece*, 1> numbered{&number};
        std::string name = fill({style.name}, "", numbered, style);
        expression.definitions.push_back({name, std::move(pieces[i].text)});
        pieces[i] = {std::move(name)};
    }
    expression.body = std::move(pieces.back().text);
    return expression;
}

}  // namespace normact::primitives
