#pragma once

#include "evaluator/program.h"
#include "primitives/graph.h"

#include <string>
#include <vector>

namespace normact::evaluator {

/// A layer and its derivatives as programs. What they exchange goes by name:
///
///     forward          x, v0, v1, gamma, beta (, average k)  →  y, statistic k, saved k
///     backward         the same, gradient of y, saved k      →  gradient of x, v0, …
///     double backward  the same, gradient of gradient of x … →  gradient of x, v0, …, gradient of y
///
/// The values "saved k" are all that backward needs of forward beside its inputs: moments, not tensors.
struct LayerPrograms {
    Program forward, backward, double_backward;
    std::vector<std::string> differentiable;  ///< names of the inputs with gradients: x first
    std::vector<Extent> saved;                ///< of "saved k"
};

/// `graph` must be well formed.
LayerPrograms layer_programs(const primitives::LayerGraph& graph, double epsilon, bool training);

}  // namespace normact::evaluator
