#pragma once

#include "primitives/graph.h"

namespace normact::evaluator {

/// What forward and backward in training mode take for each element of x, by their schedules: the same on every
/// machine.
struct LayerCost {
    /// Bytes that have to be moved, in float32: the floor of the schedules for a layer that reads x in both directions.
    /// BN-ReLU moves 12 forward and 20 backward. In layers without moments over the batch it is 20, whatever they
    /// compute.
    int bytes = 0;
    /// Arithmetic operations on elements, a transcendental function counted as twelve; what is computed once for a
    /// plane of pixels is not counted.
    int operations = 0;
};

/// `graph` must be well formed. Takes some 100 µs.
LayerCost layer_cost(const primitives::LayerGraph& graph);

}  // namespace normact::evaluator
