#pragma once

#include "primitives/graph.h"

#include <string>

namespace normact::primitives {

struct TerminalStyle {
    bool unicode = true;          ///< lines of box-drawing characters; else ASCII
    std::size_t most_lines = 60;  ///< at least 1; how many more there are is said in one line more
};

/// The graph as a tree for a terminal, from the output down: a line a node, with its initial inputs in place and a hole
/// for each other input, which is drawn below. A node that is used again gets a name where it is drawn; so does one
/// that would be drawn too deep, and comes behind the tree. Known parts (batch normalization, ReLU) are named on the
/// right.
///
///     max(□, zero)   ReLU
///     └─ □ + v0      affine batch normalization of x
///        └─ □/□
///           ├─ v1*□
///           │  └─ x - □
///           │     └─ mean_batch(x)
///           └─ std_batch(x)
///
/// At most 80 columns wide, whatever the graph. Each line ends with a line end. Throws InvalidGraph unless the graph is
/// well formed.
std::string to_terminal(const LayerGraph& graph, const TerminalStyle& style = {});

}  // namespace normact::primitives
