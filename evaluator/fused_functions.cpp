#include "evaluator/fused_functions.h"

#include "evaluator/layer_arguments.h"

#include <ATen/ATen.h>
#include <c10/util/StringUtil.h>

#include <utility>

namespace normact::evaluator {

using primitives::LayerGraph;
using primitives::LayerSettings;

namespace {

TensorShape shape_of(const at::Tensor& x, const LayerSettings& settings) {
    return {.images = x.size(0),
            .channels = x.size(1),
            .pixels = x.size(2) * x.size(3),
            .channels_last = !x.is_contiguous(),
            .groups = primitives::groups_for(static_cast<int>(x.size(1)), settings.groups)};
}

/// Of a type that a backend takes.
ElementType element_type(at::ScalarType type) {
    return type == at::kBFloat16 ? ElementType::bfloat16
           : type == at::kHalf   ? ElementType::float16
                                 : ElementType::float32;
}

/// As a program reads it: dense, of its type. Gradients come as autograd makes them; whatever else comes is so already.
at::Tensor as_input(const at::Tensor& tensor, const ProgramInput& input, const at::Tensor& x) {
    const bool full = input.extent.has_pixels();
    const at::ScalarType type = full ? x.scalar_type() : input.saved ? at::kDouble : at::kFloat;
    return tensor.to(type).contiguous(full ? x.suggest_memory_format() : at::MemoryFormat::Contiguous);
}

/// Throws std::invalid_argument unless the tensors are what the program reads: beyond them no kernel looks.
void check_inputs(at::TensorList tensors, const std::vector<ProgramInput>& inputs) {
    require_of_layer(tensors.size() == inputs.size(), c10::str("takes ", inputs.size(), " tensors, from x to ",
                                                               inputs.back().name, "; got ", tensors.size()));
    const at::Tensor& x = tensors[0];
    require_of_layer(x.dim() == 4, c10::str("x must have four dimensions [N,C,H,W], it has ", x.dim()));
    require_of_layer(x.numel() > 0, c10::str("x has no elements: its shape is ", x.sizes()));
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        const Extent extent = inputs[i].extent;
        const std::int64_t size = (extent.has_images() ? x.size(0) : 1) * (extent.has_groups() ? x.size(1) : 1);
        const bool fits = tensors[i].defined() &&
                          (extent.has_pixels() ? tensors[i].sizes() == x.sizes() : tensors[i].numel() == size);
        require_of_layer(fits, c10::str(inputs[i].name, " does not fit x, whose shape is ", x.sizes()));
        require_of_layer(tensors[i].device() == x.device(),
                         c10::str(inputs[i].name, " is on ", tensors[i].device(), ", but x on ", x.device()));
    }
}

/// Gradients in the types of what they are gradients of.
std::vector<at::Tensor> as_gradients(std::vector<at::Tensor> outputs, at::TensorList of) {
    for (std::size_t i = 0; i < outputs.size(); ++i) outputs[i] = outputs[i].to(of[i].scalar_type());
    return outputs;
}

}  // namespace

FusedFunctions::FusedFunctions(std::shared_ptr<const LayerPrograms> programs, const LayerSettings& settings,
                               std::shared_ptr<const Backend> backend, ElementType type, bool training)
    : settings_(settings),
      backend_(std::move(backend)),
      type_(type),
      programs_(std::move(programs)),
      forward_(programs_->forward, *backend_, type),
      prepares_backward_(training && backend_->is_slow_to_compile()) {}

std::vector<at::Tensor> FusedFunctions::run(const Compiled& compiled, at::TensorList tensors) const {
    const Program& program = compiled.source;
    check_inputs(tensors, program.inputs);
    std::vector<at::Tensor> kept;
    ProgramData data;
    for (std::size_t i = 0; i < tensors.size(); ++i) {
        kept.push_back(as_input(tensors[i], program.inputs[i], tensors[0]));
        data.inputs.push_back(kept.back().const_data_ptr());
    }
    const at::Tensor& x = kept[0];
    const TensorShape shape = shape_of(x, settings_);
    std::vector<at::Tensor> outputs;
    for (const ProgramOutput& output : program.outputs) {
        if (output.form == ProgramOutput::Form::tensor)
            outputs.push_back(backend_->empty_like(x));
        else if (output.form == ProgramOutput::Form::batch_sum)
            outputs.push_back(at::empty({shape.channels}, x.options().dtype(at::kFloat)));
        else
            outputs.push_back(at::empty({table_size(program.instructions[output.value].extent, shape)},
                                        x.options().dtype(at::kDouble)));
        data.outputs.push_back(outputs.back().mutable_data_ptr());
    }
    const at::Tensor tables = backend_->empty_doubles(compiled.runnable->tables_size(shape), x.device());
    data.tables = tables.mutable_data_ptr<double>();
    compiled.runnable->run(shape, data, x.device());
    return outputs;
}

std::vector<at::Tensor> FusedFunctions::forward(at::TensorList inputs) const {
    if (prepares_backward_) {
        std::call_once(prepared_once_, [&] {
            const at::Tensor& x = inputs[0];
            compiled_backward().runnable->prepare(shape_of(x, settings_), x.device());
        });
    }
    return run(forward_, inputs);
}

const FusedFunctions::Compiled& FusedFunctions::compiled_backward() const {
    std::call_once(backward_once_,
                   [&] { backward_ = std::make_unique<const Compiled>(programs_->backward, *backend_, type_); });
    return *backward_;
}

std::vector<at::Tensor> FusedFunctions::backward(at::TensorList inputs) const {
    return as_gradients(run(compiled_backward(), inputs), inputs);
}

std::vector<at::Tensor> FusedFunctions::double_backward(at::TensorList inputs) const {
    std::call_once(double_backward_once_, [&] {
        double_backward_ = std::make_unique<const Compiled>(evaluator::double_backward(*programs_), *backend_, type_);
    });
    std::vector<at::Tensor> outputs = run(*double_backward_, inputs);
    std::vector<at::Tensor> of = inputs.slice(0, differentiable()).vec();
    of.push_back(inputs[this->inputs()]);  // the gradient of y
    return as_gradients(std::move(outputs), of);
}

FusedModes::FusedModes(LayerGraph graph, const LayerSettings& settings, std::shared_ptr<const Backend> backend)
    : graph_(std::move(graph)), settings_(settings), backend_(std::move(backend)) {}

std::shared_ptr<const LayerPrograms> FusedModes::programs(bool training) const {
    const auto index = static_cast<std::size_t>(training);
    std::call_once(programs_once_[index], [&] {
        programs_[index] = std::make_shared<const LayerPrograms>(layer_programs(graph_, settings_.epsilon, training));
    });
    return programs_[index];
}

std::shared_ptr<const FusedFunctions> FusedModes::functions(bool training, const at::Tensor& x) const {
    backend_->check(x);
    const ElementType type = element_type(x.scalar_type());
    const auto index = static_cast<std::size_t>(training) * element_types + static_cast<std::size_t>(type);
    std::call_once(once_[index], [&] {
        functions_[index] =
            std::make_shared<const FusedFunctions>(programs(training), settings_, backend_, type, training);
    });
    return functions_[index];
}

}  // namespace normact::evaluator
