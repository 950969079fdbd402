#include "evaluator/affine.h"

#include "evaluator/channel_loops.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

namespace normact::evaluator {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

at::Tensor as_channels(const at::Tensor& tensor) { return tensor.view({1, -1, 1, 1}); }

struct ScaleAndShift : Function<ScaleAndShift> {
    static at::Tensor forward(AutogradContext* context, const at::Tensor& y, const at::Tensor& scale,
                              const at::Tensor& shift) {
        context->save_for_backward({y, scale});
        return channel_map(y, at::zeros_like(scale), scale, shift);
    }

    static variable_list backward(AutogradContext* context, const variable_list& gradients) {
        const variable_list saved = context->get_saved_variables();
        const auto& [y, scale] = std::tie(saved[0], saved[1]);
        if (at::GradMode::is_enabled()) return differentiable_backward(gradients[0], y, scale);
        const at::Tensor gradient = gradients[0].contiguous(y.suggest_memory_format());
        const at::Tensor zeros = at::zeros_like(scale);
        const auto [in_shift, in_scale] = channel_sums(gradient, zeros, y, zeros);
        return {channel_map(gradient, zeros, scale, zeros), in_scale, in_shift};
    }

    static variable_list differentiable_backward(const at::Tensor& gradient, const at::Tensor& y,
                                                 const at::Tensor& scale) {
        return {gradient * as_channels(scale), (gradient * y).sum({0, 2, 3}), gradient.sum({0, 2, 3})};
    }
};

}  // namespace

at::Tensor scale_and_shift(const at::Tensor& y, const at::Tensor& scale, const at::Tensor& shift) {
    return ScaleAndShift::apply(y, scale, shift);
}

}  // namespace normact::evaluator
