// The operators of torch.ops.normact: a layer and its derivatives on CPUs, GPUs and fake tensors, with autograd. What a
// layer's tensors are, and in which order, is said in evaluator/layer_programs.h.

#include "evaluator/engine.h"
#include "evaluator/fused_functions.h"
#include "evaluator/layer_arguments.h"
#include "evaluator/layer_function.h"
#include "evaluator/schedule.h"
#include "primitives/catalogue.h"
#include "primitives/space.h"
#include "primitives/text.h"
#include "python/layer_cache.h"

#include <ATen/ATen.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <torch/library.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

namespace normact::python {
namespace {

using evaluator::FusedFunctions;
using evaluator::Program;
using evaluator::ProgramOutput;
using Tensors = std::vector<at::Tensor>;
using Operator = Tensors(std::string_view layer, at::TensorList inputs, bool training, double epsilon,
                         std::int64_t groups);

/// What a user did wrong becomes Python's ValueError.
template <typename Function>
auto with_value_errors(Function function) {
    try {
        return function();
    } catch (const std::invalid_argument& error) {
        C10_THROW_ERROR(ValueError, error.what());
    } catch (const primitives::InvalidGraph& error) {
        C10_THROW_ERROR(ValueError, error.what());
    }
}

std::shared_ptr<const evaluator::FusedModes> modes_of(std::string_view layer, double epsilon, std::int64_t groups,
                                                      c10::DeviceType device) {
    // More groups than channels are as many as there are channels.
    const auto in_range = static_cast<int>(std::clamp<std::int64_t>(groups, 0, std::numeric_limits<int>::max()));
    return cached_layer(layer, {.groups = in_range, .epsilon = epsilon}, device);
}

/// The same for every device.
std::shared_ptr<const evaluator::LayerPrograms> programs_of(std::string_view layer, bool training, double epsilon,
                                                            std::int64_t groups) {
    return modes_of(layer, epsilon, groups, c10::DeviceType::CPU)->programs(training);
}

template <Tensors (FusedFunctions::*function)(at::TensorList) const>
Tensors on_device(std::string_view layer, at::TensorList inputs, bool training, double epsilon, std::int64_t groups) {
    return with_value_errors([&] {
        evaluator::require_of_layer(!inputs.empty(), "x is missing");
        const auto functions =
            modes_of(layer, epsilon, groups, inputs.front().device().type())->functions(training, inputs.front());
        return ((*functions).*function)(inputs);
    });
}

/// Outputs with shapes and types alone. `program`: a member of LayerPrograms, or what computes one.
template <auto program>
Tensors on_fake_tensors(std::string_view layer, at::TensorList inputs, bool training, double epsilon,
                        std::int64_t groups) {
    return with_value_errors([&] {
        evaluator::require_of_layer(!inputs.empty(), "x is missing");
        const auto programs = programs_of(layer, training, epsilon, groups);
        const Program& source = std::invoke(program, *programs);
        const at::Tensor& x = inputs.front();
        Tensors outputs;
        for (const ProgramOutput& output : source.outputs) {
            if (output.form == ProgramOutput::Form::tensor) {
                outputs.push_back(at::empty_like(x, x.options().memory_format(x.suggest_memory_format())));
            } else if (output.form == ProgramOutput::Form::batch_sum) {  // of the type of the parameter
                const at::ScalarType type = inputs[outputs.size()].scalar_type();
                outputs.push_back(at::empty_symint({x.sym_size(1)}, x.options().dtype(type)));
            } else {
                const evaluator::Extent extent = source.instructions[output.value].extent;
                const c10::SymInt size = (extent.has_images() ? x.sym_size(0) : c10::SymInt(1)) *
                                         (extent.has_groups() ? x.sym_size(1) : c10::SymInt(1));
                outputs.push_back(at::empty_symint({size}, x.options().dtype(at::kDouble)));
            }
        }
        return outputs;
    });
}

/// The operators themselves, called below autograd, so that whatever traces a model sees them.
class Operators : public evaluator::LayerFunctions {
  public:
    Operators(std::string_view layer, bool training, double epsilon, std::int64_t groups)
        : layer_(layer),
          training_(training),
          epsilon_(epsilon),
          groups_(groups),
          programs_(programs_of(layer, training, epsilon, groups)) {}

    Tensors forward(at::TensorList inputs) const override { return call("normact::layer", inputs); }
    Tensors backward(at::TensorList inputs) const override { return call("normact::layer_backward", inputs); }
    Tensors double_backward(at::TensorList inputs) const override {
        return call("normact::layer_double_backward", inputs);
    }
    std::size_t inputs() const override { return programs_->forward.inputs.size(); }
    std::size_t differentiable() const override { return programs_->differentiable.size(); }
    std::size_t saved() const override { return programs_->saved.size(); }

  private:
    Tensors call(const char* name, at::TensorList inputs) const {
        const at::AutoDispatchBelowADInplaceOrView below_autograd;
        return c10::Dispatcher::singleton().findSchemaOrThrow(name, "").typed<Operator>().call(
            layer_, inputs, training_, epsilon_, groups_);
    }

    std::string layer_;
    bool training_;
    double epsilon_;
    std::int64_t groups_;
    std::shared_ptr<const evaluator::LayerPrograms> programs_;
};

Tensors with_autograd(std::string_view layer, at::TensorList inputs, bool training, double epsilon,
                      std::int64_t groups) {
    return with_value_errors([&] {
        return evaluator::apply_layer(std::make_shared<const Operators>(layer, training, epsilon, groups), inputs);
    });
}

/// For modules: the text form, the names of the parameters before gamma and beta, where each moving average starts, and
/// the layer's own epsilon and groups.
std::tuple<std::string, std::vector<std::string>, std::vector<double>, double, std::int64_t> describe(
    std::string_view layer) {
    return with_value_errors([&] {
        const primitives::Layer parsed = parse_layer(layer);
        std::vector<std::string> parameters;
        const evaluator::ArgumentsNeeded needed = evaluator::arguments_needed(parsed.graph);
        if (needed.v0) parameters.emplace_back("v0");
        if (needed.v1) parameters.emplace_back("v1");
        return std::tuple(primitives::to_text(parsed.graph), parameters, evaluator::initial_averages(parsed.graph),
                          parsed.settings.epsilon, static_cast<std::int64_t>(parsed.settings.groups));
    });
}

/// So many random layers of the paper's spaces, in text form: for measurements and tests.
std::vector<std::string> random_layers(std::int64_t seed, std::int64_t count) {
    Generator generator(static_cast<std::uint64_t>(seed));
    std::vector<std::string> texts;
    for (const auto& graph :
         primitives::sample_graphs(generator, static_cast<std::size_t>(std::max<std::int64_t>(count, 0))))
        texts.push_back(primitives::to_text(graph));
    return texts;
}

/// How many elements forward and backward in training mode have to read and write at least, for each element of x.
std::tuple<std::int64_t, std::int64_t> least_elements_moved(std::string_view layer) {
    return with_value_errors([&] {
        const primitives::Layer parsed = parse_layer(layer);
        const auto programs = evaluator::layer_programs(parsed.graph, parsed.settings.epsilon, /*training=*/true);
        const auto moved = [](const Program& program) {
            return std::int64_t{evaluator::least_elements_moved(evaluator::schedule(program))};
        };
        return std::tuple(moved(programs.forward), moved(programs.backward));
    });
}

TORCH_LIBRARY(normact, library) {
    for (const std::string name : {"layer", "layer_backward", "layer_double_backward"})
        library.def(
            (name + "(str layer, Tensor[] inputs, bool training=True, float epsilon=1e-5, int groups=32) -> Tensor[]")
                .c_str(),
            {at::Tag::pt2_compliant_tag});
    library.def("describe(str layer) -> (str, str[], float[], float, int)", describe);
    library.def("catalogue() -> str[]", primitives::catalogue_names);
    library.def("random_layers(int seed, int count) -> str[]", random_layers);
    library.def("least_elements_moved(str layer) -> (int, int)", least_elements_moved);
}

void implement(torch::Library& library) {
    library.impl("layer", on_device<&FusedFunctions::forward>);
    library.impl("layer_backward", on_device<&FusedFunctions::backward>);
    library.impl("layer_double_backward", on_device<&FusedFunctions::double_backward>);
}
TORCH_LIBRARY_IMPL(normact, CPU, library) { implement(library); }
TORCH_LIBRARY_IMPL(normact, CUDA, library) { implement(library); }

TORCH_LIBRARY_IMPL(normact, Meta, library) {
    library.impl("layer", on_fake_tensors<&evaluator::LayerPrograms::forward>);
    library.impl("layer_backward", on_fake_tensors<&evaluator::LayerPrograms::backward>);
    library.impl("layer_double_backward", on_fake_tensors<&evaluator::double_backward>);
}

TORCH_LIBRARY_IMPL(normact, Autograd, library) { library.impl("layer", with_autograd); }

}  // namespace
}  // namespace normact::python
