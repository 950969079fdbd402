#pragma once

#include <ATen/core/Tensor.h>

#include <utility>

namespace normact::evaluator {

// Single passes over a tensor [N,C,H,W] with one coefficient a channel: what batch normalization and affine maps and
// their derivatives are made of. ATen takes four to six passes, and small operations between them that outweigh the
// small tensors of proxy tasks. Tensors are float32 or float64 and all in the memory format of the first one; others
// are copied. Coefficients are [C]. Nothing here is recorded for differentiation.

/// The sums of each channel, [C]: Σ(a - a0) and Σ(a - a0)(b - b0). Added up in blocks whose order does not depend on
/// the number of threads: in the tensor's type within a block, in double among them.
std::pair<at::Tensor, at::Tensor> channel_sums(const at::Tensor& a, const at::Tensor& a0, const at::Tensor& b,
                                               const at::Tensor& b0);

/// factor·(a - a0) + shift, in the memory format of a.
at::Tensor channel_map(const at::Tensor& a, const at::Tensor& a0, const at::Tensor& factor, const at::Tensor& shift);

/// factor_a·a + factor_b·(b - b0) + shift, in the memory format of a.
at::Tensor channel_combination(const at::Tensor& a, const at::Tensor& factor_a, const at::Tensor& b,
                               const at::Tensor& b0, const at::Tensor& factor_b, const at::Tensor& shift);

}  // namespace normact::evaluator
