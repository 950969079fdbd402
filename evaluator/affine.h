#pragma once

#include <ATen/core/Tensor.h>

namespace normact::evaluator {

/// scale·y + shift for y [N,C,H,W] and scale, shift [C], in the format of y. Differentiable twice in all three.
at::Tensor scale_and_shift(const at::Tensor& y, const at::Tensor& scale, const at::Tensor& shift);

}  // namespace normact::evaluator
