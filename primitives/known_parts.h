#pragma once

#include "primitives/graph.h"

#include <string>
#include <vector>

namespace normact::primitives {

/// A node of a graph that, with nodes below it, does what people have a name for.
struct KnownPart {
    std::uint16_t node = 0;
    std::uint16_t of = 0;  ///< what it is applied to
    std::string name;      ///< "batch normalization", "ReLU"

    bool operator==(const KnownPart&) const = default;
};

/// The known parts of a well-formed graph whose equal nodes are shared, as of `canonical` and `as_written`; at most one
/// a node, and none that is only a piece of a larger one. In the order of the nodes.
std::vector<KnownPart> known_parts(const LayerGraph& graph);

}  // namespace normact::primitives
