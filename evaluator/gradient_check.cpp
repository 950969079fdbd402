#include "evaluator/gradient_check.h"

#include <ATen/ATen.h>
#include <c10/util/StringUtil.h>
#include <torch/csrc/autograd/autograd.h>

namespace normact::evaluator {
namespace {

constexpr double step = 1e-5;
constexpr double tolerance = 1e-6;

/// The same tensors, with their strides, as new leaves of the graph of derivatives.
std::vector<at::Tensor> leaves(const std::vector<at::Tensor>& inputs) {
    std::vector<at::Tensor> copies;
    copies.reserve(inputs.size());
    for (const at::Tensor& input : inputs) copies.push_back(input.detach().clone().requires_grad_());
    return copies;
}

std::vector<at::Tensor> gradients(const at::Tensor& value, const std::vector<at::Tensor>& inputs, bool differentiable) {
    std::vector<at::Tensor> result(inputs.size());
    if (value.requires_grad())  // not where it is a constant, like the derivative of a linear function
        result = torch::autograd::grad({value}, inputs, {}, /*retain_graph=*/differentiable,
                                       /*create_graph=*/differentiable, /*allow_unused=*/true);
    for (std::size_t i = 0; i < result.size(); ++i)
        if (!result[i].defined()) result[i] = at::zeros_like(inputs[i]);
    return result;
}

at::Tensor random_like(const at::Tensor& tensor, std::uint64_t seed) {
    // A fixed pattern instead of a generator: weights of size 1 without structure.
    const at::Tensor positions = at::arange(1, tensor.numel() + 1, at::kDouble) * 12.9898 + static_cast<double>(seed);
    return (positions.sin() * 43758.5453).frac().reshape(tensor.sizes());
}

}  // namespace

std::string gradient_error(const DifferentiableFunction& function, const std::vector<at::Tensor>& inputs) {
    const auto weighted = [&](const std::vector<at::Tensor>& at_inputs) {
        const at::Tensor value = function(at_inputs);
        return (value * random_like(value, 1)).sum();
    };
    const std::vector<at::Tensor> variables = leaves(inputs);
    const std::vector<at::Tensor> derivatives = gradients(weighted(variables), variables, false);
    std::vector<at::Tensor> shifted = leaves(inputs);
    for (at::Tensor& input : shifted) input.requires_grad_(true);
    for (std::size_t i = 0; i < shifted.size(); ++i) {
        const at::Tensor elements = shifted[i].detach().as_strided({shifted[i].numel()}, {1});  // in memory order
        const at::Tensor derivative =
            at::empty_like(shifted[i]).copy_(derivatives[i]).as_strided({shifted[i].numel()}, {1});
        for (std::int64_t j = 0; j < elements.numel(); ++j) {
            double* const element = elements.data_ptr<double>() + j;
            const double original = *element;
            *element = original + step;
            const auto above = weighted(shifted).item<double>();
            *element = original - step;
            const auto below = weighted(shifted).item<double>();
            *element = original;
            const double quotient = (above - below) / (2 * step);
            const auto found = derivative[j].item<double>();
            if (!(std::abs(quotient - found) <= tolerance * (1 + std::abs(quotient))))
                return c10::str("input ", i, ", element ", j, ": derivative ", found, ", difference quotient ",
                                quotient, ", apart by ", found - quotient);
        }
    }
    return {};
}

std::string second_gradient_error(const DifferentiableFunction& function, const std::vector<at::Tensor>& inputs) {
    const auto derivative = [&](const std::vector<at::Tensor>& at_inputs) {
        const at::Tensor value = function(at_inputs);
        at::Tensor sum = at::zeros({}, at::kDouble);
        const std::vector<at::Tensor> derivatives = gradients((value * random_like(value, 2)).sum(), at_inputs, true);
        for (std::size_t i = 0; i < derivatives.size(); ++i)
            sum = sum + (derivatives[i] * random_like(derivatives[i], 3 + i)).sum();
        return sum;
    };
    return gradient_error(derivative, inputs);
}

}  // namespace normact::evaluator
