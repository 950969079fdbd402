#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <string>
#include <vector>

namespace normact::evaluator {

using DifferentiableFunction = std::function<at::Tensor(const std::vector<at::Tensor>& inputs)>;

/// Compares the derivative that autograd gives with central differences of step 1e-5, in double. The difference
/// quotient errs by step²·f'''/6 ≈ 1e-11·f''' and by rounding, 1e-16/step·f ≈ 1e-11·f; the tolerance of 1e-6·(1 +
/// |derivative|) leaves room for third derivatives and values of 1e4. Returns an empty text, or says where the two
/// differ.
std::string gradient_error(const DifferentiableFunction& function, const std::vector<at::Tensor>& inputs);

/// The same for the derivative of the derivative, contracted with random weights.
std::string second_gradient_error(const DifferentiableFunction& function, const std::vector<at::Tensor>& inputs);

}  // namespace normact::evaluator
