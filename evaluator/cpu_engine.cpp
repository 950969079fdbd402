#include "evaluator/cpu_engine.h"

#include "evaluator/cpu/compiled_program.h"
#include "evaluator/layer_programs.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/util/StringUtil.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <mutex>
#include <stdexcept>
#include <string>
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
          averages(averaged_nodes(graph).size()),
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
    const std::size_t averages;  ///< how many moving averages it has
    const std::shared_ptr<TensorPool> pool;

  private:
    const cpu::KernelMaker& maker_;
    mutable std::array<std::once_flag, 4> once_;
    mutable std::array<std::unique_ptr<const Mode>, 4> modes_;
};

using NamedTensor = std::pair<std::string, at::Tensor>;

TensorShape shape_of(const at::Tensor& x, const LayerSettings& settings) {
    return {.images = x.size(0),
            .channels = x.size(1),
            .pixels = x.size(2) * x.size(3),
            .channels_last = !x.is_contiguous(),
            .groups = primitives::groups_for(static_cast<int>(x.size(1)), settings.groups)};
}

/// Runs a program on tensors named as its inputs. Gives its outputs in order: tensors like x, gradients of parameters
/// in float32, moments in double.
std::vector<at::Tensor> run(const CompiledProgram& program, const Core& core, const at::Tensor& x,
                            const std::vector<NamedTensor>& named) {
    const TensorShape shape = shape_of(x, core.settings);
    const Program& source = program.schedule().program();
    cpu::ProgramData data;
    std::vector<at::Tensor> kept;
    for (const ProgramInput& input : source.inputs) {
        const auto found = std::ranges::find(named, input.name, &NamedTensor::first);
        if (found == named.end()) {  // a plane mean
            data.inputs.push_back(nullptr);
            continue;
        }
        // Gradients come as autograd makes them; whatever else comes is dense already.
        const at::ScalarType type = input.extent.has_pixels() ? x.scalar_type()
                                    : input.saved             ? at::kDouble
                                                              : at::kFloat;
        kept.push_back(found->second.to(type).contiguous(input.extent.has_pixels() ? x.suggest_memory_format()
                                                                                   : at::MemoryFormat::Contiguous));
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
    const std::int64_t elements_a_block = std::max<std::int64_t>(x.numel() / (shape.images * shape.channels), 1);
    const std::int64_t grain = std::max<std::int64_t>(at::internal::GRAIN_SIZE / elements_a_block, 1);
    program.run(shape, data,
                [grain](std::int64_t count, const auto& body) { at::parallel_for(0, count, grain, body); });
    return outputs;
}

struct Context {
    std::shared_ptr<const Core> core;
    bool training;
    const Mode* mode;

    std::size_t differentiable() const { return mode->programs.differentiable.size(); }
    /// The names of the inputs of forward, then those of the saved values.
    std::vector<NamedTensor> named(const std::vector<at::Tensor>& tensors) const {
        std::vector<NamedTensor> result;
        result.reserve(tensors.size());
        const auto& inputs = mode->programs.forward.inputs;
        for (std::size_t i = 0; i < tensors.size(); ++i)
            result.emplace_back(i < inputs.size() ? inputs[i].name : "saved " + std::to_string(i - inputs.size()),
                                tensors[i]);
        return result;
    }
};

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
    /// tensors: the inputs of forward, its saved values, the gradient of y.
    static variable_list forward(AutogradContext* autograd, const Context& context, at::TensorList tensors) {
        autograd->save_for_backward(tensors.vec());
        keep(autograd, context);
        auto named = context.named({tensors.begin(), tensors.end() - 1});
        named.emplace_back("gradient of y", tensors.back());
        return as_gradients(run(context.mode->backward(), *context.core, tensors[0], named), tensors.vec(),
                            context.differentiable());
    }

    static variable_list backward(AutogradContext* autograd, const variable_list& gradients) {
        const Context& context = context_of(autograd);
        const variable_list tensors = autograd->get_saved_variables();
        if (at::GradMode::is_enabled() && std::ranges::any_of(gradients, &at::Tensor::requires_grad))
            throw std::invalid_argument("layer: the engine cpu has no third derivative; use the engine aten");
        auto named = context.named({tensors.begin(), tensors.end() - 1});
        named.emplace_back("gradient of y", tensors.back());
        for (std::size_t i = 0; i < context.differentiable(); ++i)
            named.emplace_back("gradient of gradient of " + context.mode->programs.differentiable[i],
                               gradients[i].defined() ? gradients[i] : at::zeros_like(tensors[i]));
        std::vector<at::Tensor> outputs = run(context.mode->double_backward(), *context.core, tensors[0], named);
        at::Tensor of_gradient = outputs.back().to(tensors.back().scalar_type());
        outputs.pop_back();
        variable_list result = as_gradients(std::move(outputs), tensors, tensors.size());
        result.back() = std::move(of_gradient);
        result.insert(result.begin(), at::Tensor());  // of the context
        return result;
    }
};

struct Forward : Function<Forward> {
    /// tensors: the inputs of the program in order. `statistics` takes its outputs beside y.
    static at::Tensor forward(AutogradContext* autograd, const Context& context, at::TensorList tensors,
                              std::vector<at::Tensor>* statistics) {
        std::vector<at::Tensor> outputs =
            run(context.mode->forward, *context.core, tensors[0], context.named(tensors.vec()));
        const auto saved = static_cast<std::ptrdiff_t>(context.mode->programs.saved.size());
        std::vector<at::Tensor> kept = tensors.vec();
        kept.insert(kept.end(), outputs.end() - saved, outputs.end());
        autograd->save_for_backward(kept);
        keep(autograd, context);
        statistics->assign(outputs.begin() + 1, outputs.end() - saved);
        return outputs.front();
    }

    static variable_list backward(AutogradContext* autograd, const variable_list& gradients) {
        const Context& context = context_of(autograd);
        std::vector<at::Tensor> tensors = autograd->get_saved_variables();
        const std::size_t inputs = context.mode->programs.forward.inputs.size();
        tensors.push_back(gradients[0]);
        variable_list result = Backward::apply(context, at::TensorList(tensors));
        result.resize(inputs);
        result.insert(result.begin(), at::Tensor());  // of the context
        result.emplace_back();                        // of the statistics
        return result;
    }
};

void check(const Core& core, const at::Tensor& x, std::span<const at::Tensor> averages) {
    const auto require = [](bool holds, const std::string& message) {
        if (!holds) throw std::invalid_argument("layer: " + message);
    };
    require(x.dim() == 4, c10::str("x must have four dimensions [N,C,H,W], it has ", x.dim()));
    require(x.numel() > 0, c10::str("x has no elements: its shape is ", x.sizes()));
    require(x.device().is_cpu(), "the engine cpu needs x in the memory of the CPU");
    require(x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16,
            "the engine cpu takes float32 and bfloat16; for float64 use the engine aten");
    require(averages.size() == core.averages,
            c10::str(core.averages, " moving averages needed, ", averages.size(), " given"));
}

class CpuLayer : public CompiledLayer {
  public:
    explicit CpuLayer(std::shared_ptr<const Core> core) : core_(std::move(core)) {}

    const LayerGraph& graph() const override { return core_->graph; }

    at::Tensor forward(const at::Tensor& x, const Parameters& parameters, std::span<at::Tensor> averages,
                       bool training) const override {
        check(*core_, x, averages);
        const auto type = x.scalar_type() == at::kFloat ? ElementType::float32 : ElementType::bfloat16;
        const Context context{core_, training, &core_->mode(training, type)};
        std::vector<at::Tensor> tensors;
        tensors.reserve(context.mode->programs.forward.inputs.size());
        for (const ProgramInput& input : context.mode->programs.forward.inputs)
            tensors.push_back(argument(input.name, x, parameters, averages));
        std::vector<at::Tensor> statistics;
        at::Tensor y = Forward::apply(context, at::TensorList(tensors), &statistics);
        move_averages(context, averages, statistics);
        return y;
    }

  private:
    static at::Tensor argument(const std::string& name, const at::Tensor& x, const Parameters& parameters,
                               std::span<at::Tensor> averages) {
        if (name == "x") return x.contiguous(x.suggest_memory_format());
        const std::array<std::pair<std::string_view, const at::Tensor*>, 4> named{
            {{"v0", &parameters.v0}, {"v1", &parameters.v1}, {"gamma", &parameters.gamma}, {"beta", &parameters.beta}}};
        for (const auto& [parameter, tensor] : named)
            if (name == parameter) {
                if (!tensor->defined() || tensor->dim() != 1 || tensor->size(0) != x.size(1))
                    throw std::invalid_argument(c10::str("layer: ", name, " must have one value for each of the ",
                                                         x.size(1), " channels of x"));
                return *tensor;
            }
        // An average that the next training step moves while backward still needs it.
        return averages[std::stoul(name.substr(std::string("average ").size()))].clone();
    }

    static void move_averages(const Context& context, std::span<at::Tensor> averages,
                              const std::vector<at::Tensor>& statistics) {
        const at::NoGradGuard no_grad;
        for (std::size_t k = 0; k < statistics.size(); ++k) {
            const std::string& name = context.mode->programs.forward.outputs[k + 1].name;
            at::Tensor& average = averages[std::stoul(name.substr(std::string("statistic ").size()))];
            average.lerp_(statistics[k].to(average.scalar_type()).expand_as(average), 1.0 - moving_average_decay);
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
