#pragma once

#include "primitives/graph.h"

#include <compare>
#include <cstdint>
#include <vector>

namespace normact::primitives {

/// A node of one graph and the node that has its place in the other.
struct NodePair {
    std::uint16_t before = 0, after = 0;

    auto operator<=>(const NodePair&) const = default;
};

/// How one layer graph differs from another. Each node of `before` is in one of kept, changed and removed, each node
/// of `after` in one of kept, changed and added.
struct Difference {
    /// Canonical, but that commutative inputs of `after` are in the order of `before`.
    LayerGraph before, after;
    std::vector<NodePair> kept;          ///< the same operation on inputs that are each other's, changed or not
    std::vector<NodePair> changed;       ///< another operation, index set or input in the same place
    std::vector<std::uint16_t> removed;  ///< positions in `before`
    std::vector<std::uint16_t> added;    ///< positions in `after`
    /// One node drawn anew, as search's mutation does, leads from one to the other. Nodes that nothing used before may
    /// come into use, and others fall out of it.
    bool is_one_mutation = false;

    /// True if the canonical graphs are equal.
    bool is_empty() const { return before == after; }
};

/// The difference between well-formed graphs with the fewest edits, as far as each use of a node is looked at by
/// itself.
Difference difference(const LayerGraph& before, const LayerGraph& after);

/// What the graph computes at one of its nodes, as a graph.
LayerGraph part_at(const LayerGraph& graph, std::uint16_t node);

}  // namespace normact::primitives
