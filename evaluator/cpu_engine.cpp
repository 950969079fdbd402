#include "evaluator/cpu_engine.h"

#include "evaluator/cpu/compiled_program.h"
#include "evaluator/layer_arguments.h"
#include "evaluator/layer_programs.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <mutex>
#include <stdexcept>
#include <utility>

namespace normact::evaluator {
namespace {

using cpu::CompiledProgram;
using cpu::ElementType;
using cpu::TensorShape;
using primitives::LayerGraph;
using primitives::LayerSettings;
using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

/// The programs of a layer in one mode and for one type of elements, compiled. Backward and double backward are
/// compiled when they are first asked for.
class Mode {
  public:
    Mode(const LayerGraph& graph, const LayerSettings& settings, bool training, const cpu::KernelMaker& maker,
         ElementType type)
        : programs(layer_programs(graph, settings.epsilon, training)),
          forward(programs.forward, maker, type),
          maker_(maker),
          type_(type) {}

    const CompiledProgram& backward() const { return compiled(backward_once_, backward_, programs.backward); }
    const CompiledProgram& double_backward() const {
        return compiled(double_backward_once_, double_backward_, programs.double_backward);
    }

    const LayerPrograms programs;
    const CompiledProgram forward;

  private:
    const CompiledProgram& compiled(std::once_flag& once, std::unique_ptr<const CompiledProgram>& place,
                                    const Program& program) const {
        std::call_once(once, [&] { place = std::make_unique<const CompiledProgram>(program, maker_, type_); });
        return *place;
    }

    const cpu::KernelMaker& maker_;
    ElementType type_;
    mutable std::once_flag backward_once_, double_backward_once_;
    mutable std::unique_ptr<const CompiledProgram> backward_, double_backward_;
};

/// What is the same for all runs of a layer. Modes are compiled when they are first asked for.
class Core {
  public:
    Core(LayerGraph layer_graph, const LayerSettings& layer_settings, const cpu::KernelMaker& maker,
         std::shared_ptr<TensorPool> tensors)
        : graph(std::move(layer_graph)),
          settings(layer_settings),
          needed(arguments_needed(graph)),
          averages(averages_in_use(graph)),
          pool(std::move(tensors)),
          maker_(maker) {}

    const Mode& mode(bool training, ElementType type) const {
        const auto index = static_cast<std::size_t>(training) * 2 + static_cast<std::size_t>(type);
        std::call_once(once_[index],
                       [&] { modes_[index] = std::make_unique<const Mode>(graph, settings, training, maker_, type); });
        return *modes_[index];
    }

    const LayerGraph graph;
    const LayerSettings settings;
    const ArgumentsNeeded needed;
    const std::vector<std::size_t> averages;  ///< the numbers of the moving averages that the output depends on
    const std::shared_ptr<TensorPool> pool;

  private:
    static std::vector<std::size_t> averages_in_use(const LayerGraph& graph) {
        const std::vector<bool> live = primitives::live_nodes(graph);
        const std::vector<std::size_t> nodes = averaged_nodes(graph);
        std::vector<std::size_t> numbers;
        for (std::size_t k = 0; k < nodes.size(); ++k)
            if (live[nodes[k]]) numbers.push_back(k);
        return numbers;
    }

    const cpu::KernelMaker& maker_;
    mutable std::array<std::once_flag, 4> once_;
    mutable std::array<std::unique_ptr<const Mode>, 4> modes_;
};

TensorShape shape_of(const at::Tensor& x, const LayerSettings& settings) {
    return {.images = x.size(0),
            .channels = x.size(1),
            .pixels = x.size(2) * x.size(3),
            .channels_last = !x.is_contiguous(),
            .groups = primitives::groups_for(static_cast<int>(x.size(1)), settings.groups)};
}

/// Runs a program on its inputs in order. Gives its outputs in order: tensors like x, gradients of parameters in
/// float32, moments in double.
std::vector<at::Tensor> run(const CompiledProgram& program, const Core& core, const std::vector<at::Tensor>& tensors) {
    const at::Tensor& x = tensors[0];
    const TensorShape shape = shape_of(x, core.settings);
    const Program& source = program.schedule().program();
    cpu::ProgramData data;
    std::vector<at::Tensor> kept;
    for (std::size_t i = 0; i < tensors.size(); ++i) {
        const ProgramInput& input = source.inputs[i];
        // Gradients come as autograd makes them; whatever else comes is dense already.
        const bool full = input.extent.has_pixels();
        const at::ScalarType type = full ? x.scalar_type() : input.saved ? at::kDouble : at::kFloat;
        kept.push_back(tensors[i].to(type).contiguous(full ? x.suggest_memory_format() : at::MemoryFormat::Contiguous));
        data.inputs.push_back(kept.back().const_data_ptr());
    }
    std::vector<at::Tensor> outputs;
    for (const ProgramOutput& output : source.outputs) {
        if (output.form == ProgramOutput::Form::tensor)
            outputs.push_back(core.pool->empty_like(x));
        else if (output.form == ProgramOutput::Form::batch_sum)
            outputs.push_back(at::empty({shape.channels}, at::kFloat));
        else
            outputs.push_back(
                at::empty({cpu::table_size(source.instructions[output.value].extent, shape)}, at::kDouble));
        data.outputs.push_back(outputs.back().mutable_data_ptr());
    }
    const std::int64_t grain = std::max<std::int64_t>(at::internal::GRAIN_SIZE / shape.pixels, 1);
    program.run(shape, data,
                [grain](std::int64_t count, const auto& body) { at::parallel_for(0, count, grain, body); });
    return outputs;
}

struct Context {
    std::shared_ptr<const Core> core;
    const Mode* mode;

    std::size_t inputs() const { return mode->programs.forward.inputs.size(); }
    std::size_t differentiable() const { return mode->programs.differentiable.size(); }
};

std::vector<at::Tensor> inserted(std::vector<at::Tensor> tensors, std::size_t position,
                                 std::span<const at::Tensor> more) {
    tensors.insert(tensors.begin() + static_cast<std::ptrdiff_t>(position), more.begin(), more.end());
    return tensors;
}

/// Gradients in the types of what they are gradients of, then nothing for inputs without a gradient.
variable_list as_gradients(std::vector<at::Tensor> outputs, const std::vector<at::Tensor>& of, std::size_t inputs) {
    for (std::size_t i = 0; i < outputs.size(); ++i) outputs[i] = outputs[i].to(of[i].scalar_type());
    outputs.resize(inputs);
    return outputs;
}

/// An object that autograd keeps for a backward pass.
struct ContextHolder : torch::CustomClassHolder {
    explicit ContextHolder(Context kept) : context(std::move(kept)) {}
    Context context;
};

const Context& context_of(AutogradContext* autograd) {
    return dynamic_cast<const ContextHolder&>(*autograd->saved_data.at("context").toCapsule()).context;
}

void keep(AutogradContext* autograd, const Context& context) {
    autograd->saved_data["context"] = c10::IValue::make_capsule(c10::make_intrusive<ContextHolder>(context));
}

/// The derivative of a layer, itself differentiable once.
struct Backward : Function<Backward> {
    /// tensors: the inputs of the program in order, those of forward first, then the gradient of y.
    static variable_list forward(AutogradContext* autograd, const Context& context, at::TensorList tensors) {
        autograd->save_for_backward(tensors.vec());
        keep(autograd, context);
        return as_gradients(run(context.mode->backward(), *context.core, tensors.vec()), tensors.vec(),
                            context.differentiable());
    }

    static variable_list backward(AutogradContext* autograd, const variable_list& gradients) {
        const Context& context = context_of(autograd);
        const variable_list tensors = autograd->get_saved_variables();
        if (at::GradMode::is_enabled() && std::ranges::any_of(gradients, &at::Tensor::requires_grad))
            throw std::invalid_argument("layer: the engine cpu has no third derivative; use the engine aten");
        std::vector<at::Tensor> of_gradients;
        of_gradients.reserve(context.differentiable());
        for (std::size_t i = 0; i < context.differentiable(); ++i)
            of_gradients.push_back(gradients[i].defined() ? gradients[i] : at::zeros_like(tensors[i]));
        const std::size_t gradient_of_y = context.inputs();
        std::vector<at::Tensor> outputs =
            run(context.mode->double_backward(), *context.core, inserted(tensors, gradient_of_y + 1, of_gradients));
        at::Tensor last = outputs.back().to(tensors[gradient_of_y].scalar_type());
        outputs.pop_back();
        variable_list result = as_gradients(std::move(outputs), tensors, tensors.size());
        result[gradient_of_y] = std::move(last);
        result.insert(result.begin(), at::Tensor());  // of the context
        return result;
    }
};

struct Forward : Function<Forward> {
    /// tensors: the inputs of the program in order. `statistics` takes its outputs beside y.
    static at::Tensor forward(AutogradContext* autograd, const Context& context, at::TensorList tensors,
                              std::vector<at::Tensor>* statistics) {
        std::vector<at::Tensor> outputs = run(context.mode->forward, *context.core, tensors.vec());
        const auto saved = static_cast<std::ptrdiff_t>(context.mode->programs.saved);
        const std::vector<at::Tensor> moments(outputs.end() - saved, outputs.end());
        autograd->save_for_backward(inserted(tensors.vec(), tensors.size(), moments));
        keep(autograd, context);
        statistics->assign(outputs.begin() + 1, outputs.end() - saved);
        return outputs.front();
    }

    static variable_list backward(AutogradContext* autograd, const variable_list& gradients) {
        const Context& context = context_of(autograd);
        const std::vector<at::Tensor> tensors =
            inserted(autograd->get_saved_variables(), context.inputs(), std::span(gradients).first(1));
        variable_list result = Backward::apply(context, at::TensorList(tensors));
        result.resize(context.inputs());
        result.insert(result.begin(), at::Tensor());  // of the context
        result.emplace_back();                        // of the statistics
        return result;
    }
};

void check(const Core& core, const at::Tensor& x, const Parameters& parameters, std::span<const at::Tensor> averages) {
    check_shapes(core.needed, x, parameters, averages);
    require_of_layer(x.device().is_cpu(), "the engine cpu needs x in the memory of the CPU");
    require_of_layer(x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16,
                     "the engine cpu takes float32 and bfloat16; for float64 use the engine aten");
}

class CpuLayer : public CompiledLayer {
  public:
    explicit CpuLayer(std::shared_ptr<const Core> core) : core_(std::move(core)) {}

    const LayerGraph& graph() const override { return core_->graph; }

    at::Tensor forward(const at::Tensor& x, const Parameters& parameters, std::span<at::Tensor> averages,
                       bool training) const override {
        check(*core_, x, parameters, averages);
        const auto type = x.scalar_type() == at::kFloat ? ElementType::float32 : ElementType::bfloat16;
        const Context context{core_, &core_->mode(training, type)};
        std::vector<at::Tensor> tensors{x.contiguous(x.suggest_memory_format())};
        for (const auto& [name, parameter] : needed_parameters(core_->needed, parameters))
            tensors.push_back(*parameter);
        if (!training)  // copies: the next training step moves them while backward may still need them
            for (const std::size_t k : core_->averages) tensors.push_back(averages[k].clone());
        std::vector<at::Tensor> statistics;
        at::Tensor y = Forward::apply(context, at::TensorList(tensors), &statistics);
        if (training) move_averages(averages, statistics);
        return y;
    }

  private:
    void move_averages(std::span<at::Tensor> averages, const std::vector<at::Tensor>& statistics) const {
        const at::NoGradGuard no_grad;
        for (std::size_t i = 0; i < statistics.size(); ++i) {
            at::Tensor& average = averages[core_->averages[i]];
            average.lerp_(statistics[i].to(average.scalar_type()).expand_as(average), 1.0 - moving_average_decay);
        }
    }

    std::shared_ptr<const Core> core_;
};

}  // namespace

std::unique_ptr<const CompiledLayer> CpuEngine::compile(const LayerGraph& graph, const LayerSettings& settings) const {
    primitives::validate(graph);
    return std::make_unique<CpuLayer>(std::make_shared<const Core>(graph, settings, maker_, pool_));
}

}  // namespace normact::evaluator
