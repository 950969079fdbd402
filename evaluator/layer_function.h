#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <memory>
#include <vector>

namespace normact::evaluator {

/// A layer and its derivatives in one mode, as functions of tensors without autograd. Inputs and outputs are those of
/// the programs in layer_programs.h, in their order; gradients have the types of what they are gradients of.
class LayerFunctions {
  public:
    virtual ~LayerFunctions() = default;

    virtual std::vector<at::Tensor> forward(at::TensorList inputs) const = 0;
    virtual std::vector<at::Tensor> backward(at::TensorList inputs) const = 0;
    virtual std::vector<at::Tensor> double_backward(at::TensorList inputs) const = 0;

    virtual std::size_t inputs() const = 0;          ///< of forward
    virtual std::size_t differentiable() const = 0;  ///< how many of them have a gradient: the first ones
    virtual std::size_t saved() const = 0;           ///< how many outputs of forward backward needs: the last ones
};

/// The outputs of forward: y, which autograd can differentiate twice, and statistics and moments without gradients.
/// Keeps the inputs and the saved moments for the backward pass. A third derivative throws std::invalid_argument.
std::vector<at::Tensor> apply_layer(const std::shared_ptr<const LayerFunctions>& functions, at::TensorList inputs);

}  // namespace normact::evaluator
