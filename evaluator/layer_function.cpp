#include "evaluator/layer_function.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <span>
#include <stdexcept>
#include <utility>

namespace normact::evaluator {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;
using Functions = std::shared_ptr<const LayerFunctions>;

/// An object that autograd keeps for a backward pass.
struct FunctionsHolder : torch::CustomClassHolder {
    explicit FunctionsHolder(Functions kept) : functions(std::move(kept)) {}
    Functions functions;
};

const Functions& functions_of(AutogradContext* autograd) {
    return dynamic_cast<const FunctionsHolder&>(*autograd->saved_data.at("functions").toCapsule()).functions;
}

void keep(AutogradContext* autograd, const Functions& functions) {
    autograd->saved_data["functions"] = c10::IValue::make_capsule(c10::make_intrusive<FunctionsHolder>(functions));
}

variable_list inserted(variable_list tensors, std::size_t position, std::span<const at::Tensor> more) {
    tensors.insert(tensors.begin() + static_cast<std::ptrdiff_t>(position), more.begin(), more.end());
    return tensors;
}

/// Gradients of all arguments of `apply`: of the functions none, of inputs those there are.
variable_list of_arguments(variable_list gradients, std::size_t inputs) {
    gradients.resize(inputs);
    gradients.insert(gradients.begin(), at::Tensor());
    return gradients;
}

/// The derivative of a layer, itself differentiable once.
struct Backward : Function<Backward> {
    /// tensors: the inputs of backward.
    static variable_list forward(AutogradContext* autograd, const Functions& functions, at::TensorList tensors) {
        autograd->save_for_backward(tensors.vec());
        keep(autograd, functions);
        return functions->backward(tensors);
    }

    static variable_list backward(AutogradContext* autograd, const variable_list& gradients) {
        const Functions& functions = functions_of(autograd);
        const variable_list tensors = autograd->get_saved_variables();
        if (at::GradMode::is_enabled() && std::ranges::any_of(gradients, &at::Tensor::requires_grad))
            throw std::invalid_argument("layer: this engine has no third derivative; use the engine aten");
        variable_list of_gradients;
        of_gradients.reserve(functions->differentiable());
        for (std::size_t i = 0; i < functions->differentiable(); ++i)
            of_gradients.push_back(gradients[i].defined() ? gradients[i] : at::zeros_like(tensors[i]));
        const std::size_t gradient_of_y = functions->inputs();
        variable_list outputs = functions->double_backward(inserted(tensors, gradient_of_y + 1, of_gradients));
        at::Tensor last = std::move(outputs.back());
        outputs.pop_back();
        variable_list result = of_arguments(std::move(outputs), tensors.size());
        result[gradient_of_y + 1] = std::move(last);
        return result;
    }
};

struct Forward : Function<Forward> {
    static variable_list forward(AutogradContext* autograd, const Functions& functions, at::TensorList inputs) {
        variable_list outputs = functions->forward(inputs);
        const auto saved = std::span(outputs).last(functions->saved());
        autograd->save_for_backward(inserted(inputs.vec(), inputs.size(), saved));
        keep(autograd, functions);
        autograd->mark_non_differentiable(variable_list(outputs.begin() + 1, outputs.end()));
        autograd->set_materialize_grads(false);
        return outputs;
    }

    static variable_list backward(AutogradContext* autograd, const variable_list& gradients) {
        const Functions& functions = functions_of(autograd);
        if (!gradients.front().defined()) return of_arguments({}, functions->inputs());
        const variable_list tensors =
            inserted(autograd->get_saved_variables(), functions->inputs(), std::span(gradients).first(1));
        return of_arguments(Backward::apply(functions, at::TensorList(tensors)), functions->inputs());
    }
};

}  // namespace

std::vector<at::Tensor> apply_layer(const std::shared_ptr<const LayerFunctions>& functions, at::TensorList inputs) {
    return Forward::apply(functions, inputs);
}

}  // namespace normact::evaluator
