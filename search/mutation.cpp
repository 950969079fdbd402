#include "search/mutation.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace normact::search {
namespace {

using primitives::Kind;
using primitives::LayerGraph;
using primitives::Node;
using primitives::Op;
using primitives::Space;

constexpr std::array initial_operations{Op::x, Op::zero, Op::v0, Op::v1};

bool is_initial(const Node& node) { return primitives::primitive(node.op).kind == Kind::initial; }

std::size_t count_intermediate(const LayerGraph& graph) {
    return graph.nodes.size() - static_cast<std::size_t>(std::ranges::count_if(graph.nodes, is_initial));
}

/// Which of the next places hold a node to keep: `kept` of them among `padding` others, every order equally likely,
/// but the last place is always kept, for it is the output.
std::vector<bool> draw_places(Generator& generator, std::size_t kept, std::size_t padding) {
    std::vector<bool> keep(kept + padding, false);
    std::size_t left_to_keep = kept - 1;
    for (std::size_t place = 0; place + 1 < keep.size(); ++place) {
        const std::size_t left = keep.size() - 1 - place;
        keep[place] = uniform_below(generator, left) < left_to_keep;
        if (keep[place]) --left_to_keep;
    }
    keep.back() = true;
    return keep;
}

}  // namespace

LayerGraph genotype(Generator& generator, const Space& space, const LayerGraph& graph) {
    if (is_initial(graph.nodes.back())) return primitives::random_graph(generator, space);

    LayerGraph full;
    for (const Op op : initial_operations) full.nodes.push_back({.op = op});

    const std::size_t kept = count_intermediate(graph);
    const auto wanted = static_cast<std::size_t>(space.intermediate_nodes);
    const auto keep = draw_places(generator, kept, wanted > kept ? wanted - kept : 0);

    std::vector<std::uint16_t> moved_to(graph.nodes.size());
    auto place = keep.begin();
    for (std::size_t position = 0; position < graph.nodes.size(); ++position) {
        Node node = graph.nodes[position];
        if (is_initial(node)) {
            moved_to[position] =
                static_cast<std::uint16_t>(std::ranges::find(initial_operations, node.op) - initial_operations.begin());
            continue;
        }
        for (; !*place; ++place) full.nodes.push_back(primitives::random_node(generator, space, full.nodes.size()));
        for (std::size_t i = 0; i < primitives::inputs_of(node).size(); ++i) node.inputs[i] = moved_to[node.inputs[i]];
        moved_to[position] = static_cast<std::uint16_t>(full.nodes.size());
        full.nodes.push_back(node);
        ++place;
    }
    return full;
}

LayerGraph mutate(Generator& generator, const Space& space, LayerGraph graph) {
    const std::size_t first = initial_operations.size();
    const std::size_t position = first + uniform_below(generator, graph.nodes.size() - first);
    graph.nodes[position] = primitives::random_node(generator, space, position);
    return graph;
}

LayerGraph child(Generator& generator, const Space& space, const LayerGraph& parent, int mutations) {
    LayerGraph graph = genotype(generator, space, parent);
    for (int i = 0; i < mutations; ++i) graph = mutate(generator, space, std::move(graph));
    return graph;
}

}  // namespace normact::search
