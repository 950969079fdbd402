#pragma once

#include "primitives/graph.h"

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <optional>
#include <vector>

namespace normact::evaluator {

/// A part of a layer graph that is a batch normalization with an affine map of its channels:
/// scale·(y - mean_batch(y))/std_batch(y) + shift. All members but `settled` are positions of nodes.
struct BatchNormalization {
    std::size_t output, input, mean, std;
    std::optional<std::size_t> scale, shift;  ///< nodes with one value a channel
    std::vector<std::size_t> settled;         ///< the nodes that the normalization replaces, the output among them
};

/// All batch normalizations of a graph. No node but the output of each is used outside of it, and its input is as large
/// as x. Parts that are nearly such are left alone.
std::vector<BatchNormalization> find_batch_normalizations(const primitives::LayerGraph& graph);

/// The normalized tensor and the moments that it was normalized with, [C], without gradient.
struct BatchNormalized {
    at::Tensor output, mean, variance;
};

/// scale·(y - mean)/√(variance + epsilon) + shift with the moments of y [N,C,H,W]; scale and shift are [C]. Moments are
/// centered sums, right where the mean is far from 0 too. Differentiable twice in y, scale and shift.
BatchNormalized normalize_batch(const at::Tensor& y, const at::Tensor& scale, const at::Tensor& shift, double epsilon);

}  // namespace normact::evaluator
