#include "primitives/space.h"

namespace normact::primitives {
namespace {

constexpr std::array initial_nodes{Op::x, Op::zero, Op::v0, Op::v1};

}  // namespace

Space paper_space(bool with_batch) {
    Space space;
    for (const Primitive& row : all_primitives()) {
        if (row.kind == Kind::elementwise) space.elementwise.push_back(row.op);
        if (row.kind == Kind::moment) space.moments.push_back(row.op);
    }
    for (const IndexSet set : index_sets)
        if (with_batch || set != IndexSet::batch) space.index_sets.push_back(set);
    return space;
}

Node random_node(Generator& generator, const Space& space, std::size_t position) {
    const std::size_t elementwise = space.elementwise.size();
    const std::size_t sets = space.index_sets.size();
    const std::size_t choice = uniform_below(generator, elementwise + space.moments.size() * sets);
    Node node;
    if (choice < elementwise) {
        node.op = space.elementwise[choice];
    } else {
        node.op = space.moments[(choice - elementwise) / sets];
        node.over = space.index_sets[(choice - elementwise) % sets];
    }
    for (std::size_t i = 0; i < inputs_of(node).size(); ++i)
        node.inputs[i] = static_cast<std::uint16_t>(uniform_below(generator, position));
    return node;
}

LayerGraph random_graph(Generator& generator, const Space& space) {
    LayerGraph graph;
    graph.nodes.reserve(initial_nodes.size() + static_cast<std::size_t>(space.intermediate_nodes));
    for (const Op op : initial_nodes) graph.nodes.push_back({.op = op});
    for (int i = 0; i < space.intermediate_nodes; ++i)
        graph.nodes.push_back(random_node(generator, space, graph.nodes.size()));
    return graph;
}

std::vector<LayerGraph> sample_graphs(Generator& generator, std::size_t count) {
    std::vector<LayerGraph> graphs;
    graphs.reserve(count);
    while (graphs.size() < count) {
        LayerGraph graph = random_graph(generator, paper_space(/*with_batch=*/graphs.size() % 2 == 0));
        if (uses(graph, Op::x)) graphs.push_back(std::move(graph));
    }
    return graphs;
}

}  // namespace normact::primitives
