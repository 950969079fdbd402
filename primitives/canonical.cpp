#include "primitives/canonical.h"

#include <algorithm>
#include <tuple>

namespace normact::primitives {
namespace {

bool is_one_of(Op op, std::initializer_list<Op> ops) { return std::ranges::find(ops, op) != ops.end(); }

/// f(-a) = f(a)
bool is_even(Op op) { return is_one_of(op, {Op::abs, Op::square, Op::rms, Op::std}); }
/// f(|a|) = f(a). Not std: the variance of |a| is another one.
bool ignores_abs(Op op) { return is_one_of(op, {Op::abs, Op::square, Op::rms}); }
/// f(0) = 0. Not mul: 0·∞ is NaN.
bool keeps_zero(Op op) { return is_one_of(op, {Op::neg, Op::abs, Op::square, Op::sqrt, Op::log, Op::tanh, Op::mean}); }
/// f(a) >= 0, and where it is 0 its derivative is 0 too, as that of |f(a)| is.
bool is_nonnegative(Op op) { return is_one_of(op, {Op::abs, Op::square, Op::exp, Op::sigmoid, Op::rms, Op::std}); }

/// Nodes that are shared and simplified as they are added.
class Simplifier {
  public:
    /// The position of the simplest known node that equals `node`, whose inputs are positions here.
    std::uint16_t add(const Node& node) { return primitive(node.op).arity == 2 ? add_binary(node) : add_unary(node); }

    const LayerGraph& graph() const { return graph_; }

  private:
    Op op(std::uint16_t position) const { return graph_.nodes[position].op; }
    std::uint16_t inside(std::uint16_t position) const { return graph_.nodes[position].inputs[0]; }

    std::uint16_t add_binary(Node node) {
        const auto [a, b] = node.inputs;
        if (node.op == Op::add && op(a) == Op::zero) return b;
        if (node.op == Op::add && op(b) == Op::zero) return a;
        if (node.op == Op::max && a == b) return a;
        if (node.op == Op::mul && a == b) return add({.op = Op::square, .inputs = {a}});
        if (is_one_of(node.op, {Op::mul, Op::div}) && op(a) == Op::neg && op(b) == Op::neg)
            return add({.op = node.op, .inputs = {inside(a), inside(b)}});
        if (primitive(node.op).commutative && a > b) std::swap(node.inputs[0], node.inputs[1]);
        return share(graph_, node);
    }

    std::uint16_t add_unary(const Node& node) {
        if (primitive(node.op).arity == 0) return share(graph_, node);
        const std::uint16_t a = node.inputs[0];
        if (op(a) == Op::zero && keeps_zero(node.op)) return a;
        if (node.op == Op::neg && op(a) == Op::neg) return inside(a);
        if (node.op == Op::abs && is_nonnegative(op(a))) return a;
        if ((op(a) == Op::neg && is_even(node.op)) || (op(a) == Op::abs && ignores_abs(node.op)))
            return add({.op = node.op, .over = node.over, .inputs = {inside(a)}});
        return share(graph_, node);
    }

    LayerGraph graph_;
};

/// The longest way from each node down to an initial node.
std::vector<int> heights(const LayerGraph& graph) {
    std::vector<int> height(graph.nodes.size(), 0);
    for (std::size_t i = 0; i < height.size(); ++i)
        for (const std::uint16_t input : inputs_of(graph.nodes[i])) height[i] = std::max(height[i], height[input] + 1);
    return height;
}

/// The nodes that `output` depends on, ordered by height, then by code, index set and the inputs' new positions.
/// Equal heights never depend on each other, so each layer of nodes can be sorted once the one below has its places.
LayerGraph ordered(const LayerGraph& graph) {
    const std::vector<bool> live = live_nodes(graph);
    const std::vector<int> height = heights(graph);
    std::vector<std::uint16_t> order;
    for (std::size_t i = 0; i < live.size(); ++i)
        if (live[i]) order.push_back(static_cast<std::uint16_t>(i));
    std::ranges::stable_sort(order, {}, [&](std::uint16_t i) { return height[i]; });

    LayerGraph result;
    result.nodes.reserve(order.size());
    std::vector<std::uint16_t> place(graph.nodes.size());
    using Placed = std::tuple<std::uint8_t, std::uint8_t, std::array<std::uint16_t, 2>, std::uint16_t>;
    std::vector<Placed> level;
    for (std::size_t begin = 0; begin < order.size(); begin += level.size()) {
        level.clear();
        for (std::size_t i = begin; i < order.size() && height[order[i]] == height[order[begin]]; ++i) {
            const Node& node = graph.nodes[order[i]];
            std::array<std::uint16_t, 2> inputs{};
            for (std::size_t k = 0; k < inputs_of(node).size(); ++k) inputs[k] = place[node.inputs[k]];
            if (primitive(node.op).commutative) std::ranges::sort(inputs);
            level.emplace_back(primitive(node.op).code, index_set(node.over).code, inputs, order[i]);
        }
        std::ranges::sort(level);
        for (const auto& [code, set, inputs, old_place] : level) {
            place[old_place] = static_cast<std::uint16_t>(result.nodes.size());
            result.nodes.push_back({graph.nodes[old_place].op, graph.nodes[old_place].over, inputs});
        }
    }
    return result;
}

}  // namespace

LayerGraph canonical(const LayerGraph& graph) {
    const std::vector<bool> live = live_nodes(graph);
    Simplifier simplifier;
    std::vector<std::uint16_t> simplified(graph.nodes.size());
    for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
        if (!live[i]) continue;
        Node node = graph.nodes[i];
        for (std::size_t k = 0; k < inputs_of(node).size(); ++k) node.inputs[k] = simplified[node.inputs[k]];
        simplified[i] = simplifier.add(node);
    }
    // The output may have simplified to an early node: what follows it is dead.
    LayerGraph shared = simplifier.graph();
    if (!graph.nodes.empty()) shared.nodes.resize(simplified.back() + 1);
    return ordered(shared);
}

}  // namespace normact::primitives
