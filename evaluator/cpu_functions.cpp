#include "evaluator/cpu_functions.h"

#include "evaluator/cpu/tables.h"
#include "evaluator/layer_arguments.h"
#include "evaluator/parallel.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <utility>

namespace normact::evaluator {

using cpu::CompiledProgram;
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
    }
}

/// Gradients in the types of what they are gradients of.
std::vector<at::Tensor> as_gradients(std::vector<at::Tensor> outputs, at::TensorList of) {
    for (std::size_t i = 0; i < outputs.size(); ++i) outputs[i] = outputs[i].to(of[i].scalar_type());
    return outputs;
}

}  // namespace

CpuFunctions::CpuFunctions(const LayerGraph& graph, const LayerSettings& settings, bool training,
                           const cpu::KernelMaker& maker, ElementType type, std::shared_ptr<TensorPool> pool)
    : settings_(settings),
      maker_(maker),
      type_(type),
      pool_(std::move(pool)),
      programs_(layer_programs(graph, settings.epsilon, training)),
      forward_(programs_.forward, maker, type) {}

std::vector<at::Tensor> CpuFunctions::run(const CompiledProgram& compiled, at::TensorList tensors) const {
    const Program& program = compiled.program();
    check_inputs(tensors, program.inputs);
    std::vector<at::Tensor> kept;
    cpu::ProgramData data;
    for (std::size_t i = 0; i < tensors.size(); ++i) {
        kept.push_back(as_input(tensors[i], program.inputs[i], tensors[0]));
        data.inputs.push_back(kept.back().const_data_ptr());
    }
    const at::Tensor& x = kept[0];
    const TensorShape shape = shape_of(x, settings_);
    std::vector<at::Tensor> outputs;
    for (const ProgramOutput& output : program.outputs) {
        if (output.form == ProgramOutput::Form::tensor)
            outputs.push_back(pool_->empty_like(x));
        else if (output.form == ProgramOutput::Form::batch_sum)
            outputs.push_back(at::empty({shape.channels}, at::kFloat));
        else
            outputs.push_back(at::empty({table_size(program.instructions[output.value].extent, shape)}, at::kDouble));
        data.outputs.push_back(outputs.back().mutable_data_ptr());
    }
    const cpu::CompiledSchedule& schedule = compiled.schedule_for(shape);
    const at::Tensor tables = pool_->empty_doubles(cpu::tables_size(schedule.schedule().program(), shape));
    data.tables = tables.mutable_data_ptr<double>();
    cpu::run(schedule, shape, data, [](std::int64_t count, std::int64_t elements_of_each, const auto& body) {
        parallel_for(count, std::max<std::int64_t>(at::internal::GRAIN_SIZE / elements_of_each, 1), body);
    });
    return outputs;
}

std::vector<at::Tensor> CpuFunctions::forward(at::TensorList inputs) const { return run(forward_, inputs); }

std::vector<at::Tensor> CpuFunctions::backward(at::TensorList inputs) const {
    std::call_once(backward_once_,
                   [&] { backward_ = std::make_unique<const CompiledProgram>(programs_.backward, maker_, type_); });
    return as_gradients(run(*backward_, inputs), inputs);
}

std::vector<at::Tensor> CpuFunctions::double_backward(at::TensorList inputs) const {
    std::call_once(double_backward_once_, [&] {
        double_backward_ =
            std::make_unique<const CompiledProgram>(evaluator::double_backward(programs_), maker_, type_);
    });
    std::vector<at::Tensor> outputs = run(*double_backward_, inputs);
    std::vector<at::Tensor> of = inputs.slice(0, differentiable()).vec();
    of.push_back(inputs[this->inputs()]);  // the gradient of y
    return as_gradients(std::move(outputs), of);
}

CpuModes::CpuModes(LayerGraph graph, const LayerSettings& settings, const cpu::KernelMaker& maker,
                   std::shared_ptr<TensorPool> pool)
    : graph_(std::move(graph)), settings_(settings), maker_(maker), pool_(std::move(pool)) {}

std::shared_ptr<const CpuFunctions> CpuModes::functions(bool training, at::ScalarType type) const {
    require_of_layer(type == at::kFloat || type == at::kBFloat16,
                     "the engine cpu takes float32 and bfloat16; for float64 use the engine aten");
    const auto element = type == at::kFloat ? ElementType::float32 : ElementType::bfloat16;
    const auto index = static_cast<std::size_t>(training) * 2 + static_cast<std::size_t>(element);
    std::call_once(once_[index], [&] {
        functions_[index] = std::make_shared<const CpuFunctions>(graph_, settings_, training, maker_, element, pool_);
    });
    return functions_[index];
}

}  // namespace normact::evaluator
