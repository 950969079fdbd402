#pragma once

#include "primitives/graph.h"

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace normact::evaluator {

/// A tensor [N,C,H,W] of double, for tests.
struct PlainTensor {
    int n, c, h, w;
    std::vector<double> values;  ///< in the order of n, c, h, w

    double& at(int in, int ic, int ih, int iw) {
        const std::int64_t position = ((std::int64_t{in} * c + ic) * h + ih) * w + iw;
        return values[static_cast<std::size_t>(position)];
    }
    double at(int in, int ic, int ih, int iw) const { return const_cast<PlainTensor*>(this)->at(in, ic, ih, iw); }
};

/// Calls visit(n, c, h, w) for each element.
void for_each_index(const PlainTensor& t, const std::function<void(int, int, int, int)>& visit);

/// The mean over the index set, on each of its elements.
PlainTensor plain_mean(primitives::IndexSet set, const PlainTensor& t, int groups);

/// What a layer computes, by plain loops written from the design alone: they share no line with an engine or with the
/// table of primitives.
struct PlainEvaluation {
    PlainTensor output;  ///< graph(x)·gamma + beta
    /// How far the nearest value is from a point where a derivative jumps or is unbounded: a tie of max, 0 of abs,
    /// sqrt, log or a denominator.
    double distance_to_kink;
    /// For each batch moment, in the order of the nodes: what its moving average follows, [C].
    std::vector<std::vector<double>> statistics;
};

struct PlainParameters {
    std::vector<double> v0, v1, gamma, beta;
};

/// With `averages`, one [C] for each batch moment, the moments over batch are taken from there: the layer at
/// evaluation.
PlainEvaluation evaluate_plainly(const primitives::LayerGraph& graph, const primitives::LayerSettings& settings,
                                 const PlainTensor& x, const PlainParameters& parameters,
                                 const std::vector<std::vector<double>>* averages = nullptr);

}  // namespace normact::evaluator
