#include "evaluator/sample_layers.h"

#include "primitives/catalogue.h"
#include "primitives/generator.h"
#include "primitives/text.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace normact::evaluator {
namespace {

using primitives::IndexSet;
using primitives::Kind;
using primitives::Layer;
using primitives::LayerGraph;
using primitives::Node;
using primitives::Op;

constexpr std::uint16_t x = 0, v0 = 2, v1 = 3, scaled = 4, shifted = 5;

/// The four initial nodes, v1*x and x + v0.
LayerGraph beginnings() {
    return {{{.op = Op::x},
             {.op = Op::zero},
             {.op = Op::v0},
             {.op = Op::v1},
             {.op = Op::mul, .inputs = {v1, x}},
             {.op = Op::add, .inputs = {x, v0}}}};
}

Layer layer_with(std::string name, std::initializer_list<Node> nodes) {
    LayerGraph graph = beginnings();
    graph.nodes.insert(graph.nodes.end(), nodes);
    return {std::move(name), std::move(graph), {}};
}

double normal(Generator& generator) {
    const double radius = std::sqrt(-2 * std::log(1 - uniform_unit(generator)));
    return radius * std::cos(2 * std::numbers::pi * uniform_unit(generator));
}

std::vector<double> draw(Generator& generator, std::size_t count, double center, double spread) {
    std::vector<double> values(count);
    for (double& value : values) value = static_cast<float>(center + spread * normal(generator));
    return values;
}

Arguments draw_once(Generator& generator, const Layer& layer, std::array<int, 4> shape) {
    const auto [n, c, h, w] = shape;
    const auto channels = static_cast<std::size_t>(c);
    Arguments arguments{.x = {n, c, h, w, draw(generator, channels * n * h * w, 0.3, 1.0)},
                        .parameters = {.v0 = draw(generator, channels, 0.0, 0.7),
                                       .v1 = draw(generator, channels, 1.0, 0.3),
                                       .gamma = draw(generator, channels, 1.0, 0.3),
                                       .beta = draw(generator, channels, 0.0, 0.5)},
                        .averages = {}};
    for (const Node& node : layer.graph.nodes)
        if (node.over == IndexSet::batch) {
            arguments.averages.push_back(draw(generator, channels, node.op == Op::mean ? 0.2 : 1.2, 0.1));
        }
    return arguments;
}

}  // namespace

std::vector<Layer> layers_of_primitives() {
    std::vector<Layer> layers;
    for (const primitives::Primitive& row : primitives::all_primitives()) {
        const std::string name(row.name);
        if (row.kind == Kind::initial) {
            layers.push_back(layer_with(name, {{.op = row.op}}));
        } else if (row.kind == Kind::elementwise && row.arity == 1) {
            layers.push_back(layer_with(name + " of tensor", {{.op = row.op, .inputs = {scaled}}}));
            layers.push_back(layer_with(name + " of channels", {{.op = row.op, .inputs = {v1}}}));
        } else if (row.kind == Kind::elementwise) {
            layers.push_back(layer_with(name + " tensor tensor", {{.op = row.op, .inputs = {scaled, shifted}}}));
            layers.push_back(layer_with(name + " tensor channels", {{.op = row.op, .inputs = {scaled, v0}}}));
            layers.push_back(layer_with(name + " channels tensor", {{.op = row.op, .inputs = {v0, scaled}}}));
            layers.push_back(layer_with(name + " channels channels", {{.op = row.op, .inputs = {v0, v1}}}));
        } else {
            for (const IndexSet set : primitives::index_sets) {
                const std::string full_name = name + " over " + std::string(primitives::name(set));
                const Node moment{.op = row.op, .over = set, .inputs = {scaled}};
                layers.push_back(layer_with(full_name, {moment, {.op = Op::mul, .inputs = {6, shifted}}}));
                layers.push_back(layer_with(full_name + " alone", {moment}));
                layers.push_back(layer_with(full_name + " of channels", {{.op = row.op, .over = set, .inputs = {v1}}}));
                for (const IndexSet inner : primitives::index_sets)
                    layers.push_back(layer_with(full_name + " of mean over " + std::string(primitives::name(inner)),
                                                {{.op = Op::mean, .over = inner, .inputs = {scaled}},
                                                 {.op = row.op, .over = set, .inputs = {6}}}));
            }
        }
    }
    return layers;
}

std::vector<Layer> layers_of_catalogue() {
    std::vector<Layer> layers;
    for (const primitives::CatalogueEntry& entry : primitives::catalogue()) layers.push_back(entry.layer);
    return layers;
}

std::vector<Layer> sample_layers() {
    std::vector<Layer> layers = layers_of_primitives();
    for (Layer& layer : layers_of_catalogue()) layers.push_back(std::move(layer));
    return layers;
}

Arguments draw_arguments(const Layer& layer, std::array<int, 4> shape, std::uint64_t seed, double distance) {
    Generator generator(seed);
    for (int attempt = 0; attempt < 1000; ++attempt) {
        Arguments arguments = draw_once(generator, layer, shape);
        if (distance == any_distance) return arguments;
        const auto away = [&](const std::vector<std::vector<double>>* averages) {
            return evaluate_plainly(layer.graph, layer.settings, arguments.x, arguments.parameters, averages)
                       .distance_to_kink > distance;
        };
        if (away(nullptr) && away(&arguments.averages)) return arguments;
    }
    throw std::runtime_error("no arguments away from the kinks of " + layer.name);
}

bool is_tame(const Layer& layer, const Arguments& arguments, double distance) {
    const auto tame = [&](const std::vector<std::vector<double>>* averages) {
        const PlainEvaluation plain =
            evaluate_plainly(layer.graph, layer.settings, arguments.x, arguments.parameters, averages);
        return plain.distance_to_kink > distance &&
               std::ranges::all_of(plain.output.values, [](double v) { return std::abs(v) < 1e3; });
    };
    return tame(nullptr) && tame(&arguments.averages);
}

PlainInputs program_inputs(const Arguments& arguments) {
    PlainInputs inputs{{"x", arguments.x},
                       {"v0", spread(arguments.parameters.v0, arguments.x)},
                       {"v1", spread(arguments.parameters.v1, arguments.x)},
                       {"gamma", spread(arguments.parameters.gamma, arguments.x)},
                       {"beta", spread(arguments.parameters.beta, arguments.x)}};
    for (std::size_t k = 0; k < arguments.averages.size(); ++k)
        inputs.emplace("average " + std::to_string(k), spread(arguments.averages[k], arguments.x));
    return inputs;
}

}  // namespace normact::evaluator
