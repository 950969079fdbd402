#pragma once

#include "evaluator/program.h"
#include "primitives/graph.h"

#include <vector>

namespace normact::evaluator {

/// A layer as a program. Its inputs are "x", those of "v0" and "v1" that the graph uses, "gamma", "beta" and, at
/// evaluation, "average k" for each batch moment that the output depends on, k its number among averaged_nodes. Its
/// output "y" is graph(x)·gamma + beta; while training, outputs "statistic k" follow: what the k-th average follows.
/// `graph` must be well formed. Groups are those of the tensor that the program runs on, whatever their number.
Program lower(const primitives::LayerGraph& graph, double epsilon, bool training);

}  // namespace normact::evaluator
