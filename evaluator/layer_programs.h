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
    Program forward, backward;
    std::vector<std::string> differentiable;  ///< names of the inputs with gradients: x first
    std::vector<ValueId> saved;               ///< which instructions of forward "saved k" are
    Program whole_backward;                   ///< backward that computes these itself, with forward's positions
};

/// `graph` must be well formed.
LayerPrograms layer_programs(const primitives::LayerGraph& graph, double epsilon, bool training);

/// The third program. Most layers never need it, and it takes as long as the others.
Program double_backward(const LayerPrograms& programs);

}  // namespace normact::evaluator
