#pragma once

#include "evaluator/program.h"
#include "primitives/graph.h"

#include <string>
#include <vector>

namespace normact::evaluator {

/// A layer and its derivatives as programs, with these inputs and outputs, in this order:
///
///     forward          x, v0, v1, gamma, beta (, average k)  →  y, statistic k, saved k
///     backward         the same, gradient of y, saved k      →  gradient of x, v0, …
///     double backward  the same, with gradient of gradient of x, v0 … before saved k
///                                                            →  gradient of x, v0, …, gradient of y
///
/// The values "saved k" are all that backward needs of forward beside its inputs: moments, not tensors.
struct LayerPrograms {
    Program forward, backward, double_backward;
    std::vector<std::string> differentiable;  ///< names of the inputs with gradients: x first
    std::size_t saved = 0;                    ///< how many "saved k" there are
};

/// `graph` must be well formed.
LayerPrograms layer_programs(const primitives::LayerGraph& graph, double epsilon, bool training);

}  // namespace normact::evaluator
