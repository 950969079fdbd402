#include "primitives/graph.h"

#include <algorithm>

namespace normact::primitives {
namespace {

[[noreturn]] void reject(std::size_t position, const Node& node, const std::string& what) {
    throw InvalidGraph("node " + std::to_string(position) + " (" + std::string(primitive(node.op).name) + "): " + what);
}

void validate_node(const LayerGraph& graph, std::size_t position) {
    const Node& node = graph.nodes[position];
    if (static_cast<std::size_t>(node.op) >= all_primitives().size())
        throw InvalidGraph("node " + std::to_string(position) + ": no such operation");
    if (static_cast<std::size_t>(node.over) > index_sets.size()) reject(position, node, "no such index set");
    const bool is_moment = primitive(node.op).kind == Kind::moment;
    if (is_moment && node.over == IndexSet::none) reject(position, node, "a moment needs an index set");
    if (!is_moment && node.over != IndexSet::none) reject(position, node, "only moments have an index set");
    const std::size_t arity = inputs_of(node).size();
    for (std::size_t i = 0; i < arity; ++i)
        if (node.inputs[i] >= position)
            reject(position, node,
                   "input " + std::to_string(node.inputs[i]) + " is not an earlier node; inputs must point backwards");
    for (std::size_t i = arity; i < node.inputs.size(); ++i)
        if (node.inputs[i] != 0) reject(position, node, "inputs beyond the arity must be 0");
}

}  // namespace

std::span<const std::uint16_t> inputs_of(const Node& node) {
    return {node.inputs.data(), static_cast<std::size_t>(primitive(node.op).arity)};
}

int groups_for(int channels, int wanted) {
    int groups = std::clamp(wanted, 1, std::max(channels, 1));
    while (channels % groups != 0) --groups;
    return groups;
}

void validate(const LayerGraph& graph) {
    if (graph.nodes.empty()) throw InvalidGraph("the graph has no nodes");
    if (graph.nodes.size() > max_nodes)
        throw InvalidGraph("the graph has " + std::to_string(graph.nodes.size()) + " nodes; at most " +
                           std::to_string(max_nodes) + " are allowed");
    for (std::size_t i = 0; i < graph.nodes.size(); ++i) validate_node(graph, i);
}

std::uint16_t share(LayerGraph& graph, const Node& node) {
    const auto found = std::ranges::find(graph.nodes, node);
    const auto position = static_cast<std::uint16_t>(found - graph.nodes.begin());
    if (found == graph.nodes.end()) graph.nodes.push_back(node);
    return position;
}

std::vector<bool> live_nodes(const LayerGraph& graph) {
    std::vector<bool> live(graph.nodes.size(), false);
    if (live.empty()) return live;
    live.back() = true;
    for (std::size_t i = live.size(); i-- > 0;)
        if (live[i])
            for (const std::uint16_t input : inputs_of(graph.nodes[i])) live[input] = true;
    return live;
}

namespace {

template <typename Predicate>
bool any_live(const LayerGraph& graph, Predicate predicate) {
    const std::vector<bool> live = live_nodes(graph);
    for (std::size_t i = 0; i < live.size(); ++i)
        if (live[i] && predicate(graph.nodes[i])) return true;
    return false;
}

}  // namespace

bool uses(const LayerGraph& graph, IndexSet set) {
    return any_live(graph,
                    [set](const Node& node) { return primitive(node.op).kind == Kind::moment && node.over == set; });
}

bool uses(const LayerGraph& graph, Op op) {
    return any_live(graph, [op](const Node& node) { return node.op == op; });
}

}  // namespace normact::primitives
