#pragma once

#include <optional>

#include "primitives/graph.h"
#include "primitives/hash.h"

namespace normact::primitives {

/// What a fixed probe (double, random x, v0, v1) says of a graph's function.
struct Probe {
    bool finite = false;        ///< no NaN and no infinity in any output
    bool depends_on_x = false;  ///< the output changes with x
    Hash128 fingerprint;        ///< of the rounded outputs; equal for graphs that compute the same function
};

/// Runs the graph on the probe. Graphs with equal fingerprints share one evaluation.
Probe probe(const LayerGraph& graph);

}  // namespace normact::primitives
