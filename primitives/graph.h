#pragma once

#include "primitives/primitive.h"

#include <array>
#include <compare>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace normact::primitives {

/// One node of a layer graph. Inputs are positions of earlier nodes; entries beyond the arity are 0.
struct Node {
    Op op = Op::x;
    IndexSet over = IndexSet::none;
    std::array<std::uint16_t, 2> inputs{};

    auto operator<=>(const Node&) const = default;
};

/// The computation graph of one layer: nodes in topological order, the last one is the output.
/// Each initial node (x, zero, v0, v1) is an ordinary node without inputs.
struct LayerGraph {
    std::vector<Node> nodes;

    auto operator<=>(const LayerGraph&) const = default;
};

/// The largest number of nodes that any reader accepts.
inline constexpr std::size_t max_nodes = 1024;

/// The inputs that the node really has.
std::span<const std::uint16_t> inputs_of(const Node& node);

/// How a layer graph is run beside the graph itself: the settings of a study, or of a layer in its file.
struct LayerSettings {
    int groups = 32;        ///< wanted number of groups, decremented until it divides the channels; at least 1
    double epsilon = 1e-5;  ///< added inside the root of rms and std; least_epsilon to most_epsilon

    auto operator<=>(const LayerSettings&) const = default;
};

/// Within what float32 tells from 0 and from infinity.
inline constexpr double least_epsilon = 1e-30, most_epsilon = 1e30;

/// The number of groups that `channels` channels are split into: the largest number <= wanted that divides channels.
int groups_for(int channels, int wanted);

/// A layer as people exchange it: a graph with a name (may be empty) and settings.
struct Layer {
    std::string name;
    LayerGraph graph;
    LayerSettings settings;

    bool operator==(const Layer&) const = default;
};

/// A layer graph that is not well formed, or a text or file that does not describe one.
/// The message says what is wrong and where: a node's position, a line and column, or an offset.
class InvalidGraph : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/// Throws InvalidGraph unless the graph is well formed: 1 to max_nodes nodes, inputs point backwards, arity and
/// index sets fit the operations.
void validate(const LayerGraph& graph);

/// The position of a node equal to `node`, which is appended if there is none.
std::uint16_t share(LayerGraph& graph, const Node& node);

/// For each node of a well-formed graph, whether the output depends on it.
std::vector<bool> live_nodes(const LayerGraph& graph);

/// True if the output depends on a moment over `set`.
bool uses(const LayerGraph& graph, IndexSet set);
/// True if the output depends on a node with this operation.
bool uses(const LayerGraph& graph, Op op);

}  // namespace normact::primitives
