#include "evaluator/aten_engine.h"

#include "evaluator/affine.h"
#include "evaluator/batch_normalization.h"
#include "evaluator/layer_arguments.h"
#include "evaluator/mean.h"
#include "evaluator/value.h"
#include "primitives/definitions.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <tuple>
#include <utility>

namespace normact::evaluator {
namespace {

using primitives::IndexSet;
using primitives::Kind;
using primitives::LayerGraph;
using primitives::LayerSettings;
using primitives::Node;
using primitives::Op;
namespace rows = primitives::rows;

using ElementwiseFunction = Value (*)(const Value& a, const Value& b);

/// What a moment does with values: the statistic that its average follows, and the moment itself.
struct MomentFunctions {
    Value (*statistic)(const Value& value, IndexSet set, int groups) = nullptr;
    Value (*value)(const Value& statistic, double epsilon) = nullptr;
};

constexpr auto elementwise_functions = [] {
    std::array<ElementwiseFunction, rows::count> functions{};
    rows::for_each_elementwise([&]<typename Row>(Row) {
        functions[static_cast<std::size_t>(Row::row.op)] = [](const Value& a, [[maybe_unused]] const Value& b) {
            if constexpr (Row::row.arity == 2)
                return Row::value(a, b);
            else
                return Row::value(a);
        };
    });
    return functions;
}();

constexpr auto moment_functions = [] {
    std::array<MomentFunctions, rows::count> functions{};
    rows::for_each_moment([&]<typename Row>(Row) {
        functions[static_cast<std::size_t>(Row::row.op)] = {
            [](const Value& value, IndexSet set, int groups) {
                return Row::statistic(value, [&](const Value& inner) { return mean(inner, set, groups); });
            },
            [](const Value& statistic, double epsilon) { return Row::value(statistic, epsilon); }};
    });
    return functions;
}();

Value channels_as_value(const at::Tensor& channels) { return {channels.view({1, -1, 1, 1})}; }

/// One value a channel from a lazily broadcast one.
at::Tensor value_as_channels(const at::Tensor& tensor, std::int64_t channels) {
    return tensor.reshape({-1}).expand({channels}).contiguous();
}

/// A graph and what is known of it before x comes.
struct Plan {
    LayerGraph graph;
    LayerSettings settings;
    ArgumentsNeeded needed;
    std::vector<std::optional<BatchNormalization>> normalizations;  // at the position of their output
    std::vector<bool> skipped;                                      // dead, or replaced by a normalization
    std::vector<std::optional<std::size_t>> average;                // index of a node's moving average
    std::vector<std::vector<std::size_t>> released;                 // values without a use after this node
};

void check(const Plan& plan, const at::Tensor& x, const Parameters& parameters, std::span<const at::Tensor> averages) {
    check_shapes(plan.needed, x, parameters, averages);
    require_of_layer(x.scalar_type() == at::kFloat || x.scalar_type() == at::kDouble, "x must be float32 or float64");
    for (const auto& [name, parameter] : needed_parameters(plan.needed, parameters))
        require_of_layer(parameter->scalar_type() == x.scalar_type(), c10::str(name, " and x must have the same type"));
    for (const at::Tensor& average : averages)
        require_of_layer(average.scalar_type() == x.scalar_type(), "each moving average must have the type of x");
}

/// One run of a graph: the values of its nodes.
class Run {
  public:
    Run(const Plan& plan, const at::Tensor& x, const Parameters& parameters, std::span<at::Tensor> averages,
        bool training)
        : plan_(plan),
          x_(x),
          parameters_(parameters),
          averages_(averages),
          training_(training),
          groups_(primitives::groups_for(static_cast<int>(x.size(1)), plan.settings.groups)),
          values_(plan.graph.nodes.size()) {}

    at::Tensor output() {
        for (std::size_t position = 0; position < values_.size(); ++position) {
            if (!plan_.skipped[position]) values_[position] = evaluate(position);
            for (const std::size_t released : plan_.released[position]) values_[released] = {};
        }
        return values_.back().tensor;
    }

  private:
    Value evaluate(std::size_t position) {
        if (plan_.normalizations[position]) return normalize(*plan_.normalizations[position]);
        const Node& node = plan_.graph.nodes[position];
        switch (primitives::primitive(node.op).kind) {
            case Kind::initial:
                return initial(node.op);
            case Kind::elementwise:
                return elementwise_functions[static_cast<std::size_t>(node.op)](values_[node.inputs[0]],
                                                                                values_[node.inputs[1]]);
            case Kind::moment:
                return moment(position);
        }
        throw std::logic_error("layer: a primitive of unknown kind");
    }

    Value initial(Op op) const {
        switch (op) {
            case Op::x:
                return {x_};
            case Op::v0:
                return channels_as_value(parameters_.v0);
            case Op::v1:
                return channels_as_value(parameters_.v1);
            default:
                return {at::zeros({1, 1, 1, 1}, x_.options().requires_grad(false))};
        }
    }

    Value moment(std::size_t position) {
        const Node& node = plan_.graph.nodes[position];
        const MomentFunctions& functions = moment_functions[static_cast<std::size_t>(node.op)];
        const auto average = plan_.average[position];
        if (average && !training_)
            return functions.value(channels_as_value(averages_[*average]), plan_.settings.epsilon);
        const Value statistic = functions.statistic(values_[node.inputs[0]], node.over, groups_);
        if (average) move_average(*average, statistic.tensor);
        return functions.value(statistic, plan_.settings.epsilon);
    }

    Value normalize(const BatchNormalization& found) {
        const at::Tensor& y = values_[found.input].tensor;
        const at::Tensor scale = channels_of(found.scale, 1.0);
        const at::Tensor shift = channels_of(found.shift, 0.0);
        at::Tensor& mean = averages_[*plan_.average[found.mean]];
        at::Tensor& variance = averages_[*plan_.average[found.std]];
        if (!training_)
            return {scale_and_shift(y - mean.view({1, -1, 1, 1}), scale / (variance + plan_.settings.epsilon).sqrt(),
                                    shift)};
        BatchNormalized normalized = normalize_batch(y, scale, shift, plan_.settings.epsilon);
        move_average(*plan_.average[found.mean], normalized.mean);
        move_average(*plan_.average[found.std], normalized.variance);
        return {std::move(normalized.output)};
    }

    at::Tensor channels_of(std::optional<std::size_t> position, double otherwise) const {
        if (position) return values_[*position].tensor.reshape({-1});
        return at::full({x_.size(1)}, otherwise, x_.options().requires_grad(false));
    }

    void move_average(std::size_t index, const at::Tensor& statistic) {
        const at::NoGradGuard no_grad;
        averages_[index].lerp_(value_as_channels(statistic, x_.size(1)), 1.0 - moving_average_decay);
    }

    const Plan& plan_;
    const at::Tensor& x_;
    const Parameters& parameters_;
    std::span<at::Tensor> averages_;
    bool training_;
    int groups_;
    std::vector<Value> values_;
};

class AtenLayer : public CompiledLayer {
  public:
    explicit AtenLayer(Plan plan) : plan_(std::move(plan)) {}

    const LayerGraph& graph() const override { return plan_.graph; }

    at::Tensor forward(const at::Tensor& x, const Parameters& parameters, std::span<at::Tensor> averages,
                       bool training) const override {
        check(plan_, x, parameters, averages);
        const at::Tensor z = Run(plan_, x, parameters, averages, training).output();
        const at::Tensor output =
            z.sizes() == x.sizes()
                ? scale_and_shift(z, parameters.gamma, parameters.beta)
                : (z * parameters.gamma.view({1, -1, 1, 1}) + parameters.beta.view({1, -1, 1, 1})).expand_as(x);
        return output.contiguous(x.suggest_memory_format());
    }

  private:
    Plan plan_;
};

std::vector<std::vector<std::size_t>> last_uses(const LayerGraph& graph, const Plan& plan) {
    std::vector<std::size_t> last(graph.nodes.size());
    for (std::size_t position = 0; position < graph.nodes.size(); ++position) {
        last[position] = position;
        for (const std::size_t input : primitives::inputs_of(graph.nodes[position])) last[input] = position;
    }
    for (const auto& normalization : plan.normalizations)  // it reads its operands where its output stands
        if (normalization)
            for (const auto operand : {std::optional(normalization->input), normalization->scale, normalization->shift})
                if (operand) last[*operand] = std::max(last[*operand], normalization->output);
    std::vector<std::vector<std::size_t>> released(graph.nodes.size());
    for (std::size_t position = 0; position + 1 < graph.nodes.size(); ++position)
        released[last[position]].push_back(position);
    return released;
}

}  // namespace

std::unique_ptr<const CompiledLayer> AtenEngine::compile(const LayerGraph& graph, const LayerSettings& settings) const {
    primitives::validate(graph);
    const std::size_t nodes = graph.nodes.size();
    Plan plan;
    plan.graph = graph;
    plan.settings = settings;
    plan.needed = arguments_needed(graph);
    plan.normalizations.resize(nodes);
    plan.skipped = primitives::live_nodes(graph);
    plan.skipped.flip();
    plan.average.resize(nodes);
    std::size_t number = 0;
    for (const std::size_t position : averaged_nodes(graph)) plan.average[position] = number++;
    if (normalizations_ == Normalizations::fused)
        for (BatchNormalization& found : find_batch_normalizations(graph)) {
            for (const std::size_t position : found.settled) plan.skipped[position] = position != found.output;
            plan.normalizations[found.output] = std::move(found);
        }
    plan.released = last_uses(graph, plan);
    return std::make_unique<AtenLayer>(std::move(plan));
}

}  // namespace normact::evaluator
