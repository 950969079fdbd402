#include "tools/layer_details.h"

#include "evaluator/layer_cost.h"
#include "evaluator/response_curves.h"
#include "primitives/drawing.h"
#include "tools/layer_picture.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <exception>
#include <string>
#include <vector>

namespace normact::tools {
namespace {

using Json = nlohmann::ordered_json;

Json to_json(const evaluator::TensorStatistics& statistics) {
    return {{"mean", statistics.mean},
            {"deviation", statistics.deviation},
            {"between_channels", statistics.between_channels},
            {"between_images", statistics.between_images}};
}

Json responses_of(const primitives::Layer& layer) {
    Json inputs = Json::array();
    for (const evaluator::Response& response : evaluator::responses(layer))
        inputs.push_back({{"label", response.label},
                          {"mean", response.mean},
                          {"deviation", response.deviation},
                          {"v0", response.v0},
                          {"v1", response.v1},
                          {"curve", response.curve},
                          {"before", to_json(response.before)},
                          {"after", to_json(response.after)}});
    return {{"points", evaluator::response_points()}, {"inputs", std::move(inputs)}};
}

Json picture_of(const primitives::Layer& layer) {
    const std::string document = layer_picture(layer);
    return document.substr(document.find("<svg"));
}

Json speeds_of(const primitives::Layer& layer, const evaluator::SpeedTask& task) {
    static const std::vector<std::string> engines{"cpu", "aten"};
    constexpr double seconds = 1e-3;
    const auto speeds = evaluator::layer_speeds(layer, engines, task);
    Json list = Json::array();
    for (std::size_t i = 0; i < engines.size(); ++i)
        list.push_back({{"engine", engines[i]},
                        {"compile", seconds * speeds[i].compile},
                        {"forward", seconds * speeds[i].forward},
                        {"forward_backward", seconds * speeds[i].forward_backward}});
    return list;
}

/// Adds what `make` gives under the key, or null and why under KEY_missing.
template <class Make>
void add(Json& details, const std::string& key, const Make& make) {
    try {
        details[key] = make();
    } catch (const std::exception& error) {
        details[key] = Json();
        details[key + "_missing"] = error.what();
    }
}

void add_missing(Json& details, const std::string& key, const std::string& why) {
    details[key] = Json();
    details[key + "_missing"] = why;
}

}  // namespace

std::vector<std::string> moments_of(const primitives::LayerGraph& graph) {
    std::vector<std::string> moments;
    for (const auto& node : graph.nodes) {
        const auto& row = primitives::primitive(node.op);
        if (row.kind == primitives::Kind::moment)
            moments.push_back(fmt::format("{} over {}", row.name, primitives::name(node.over)));
    }
    return moments;
}

Json layer_details(const primitives::Layer& layer, const std::optional<evaluator::SpeedTask>& speed) {
    Json details{{"latex", primitives::to_latex(layer.graph)},
                 {"moments", moments_of(layer.graph)},
                 {"nodes", layer.graph.nodes.size()}};
    const auto cost = evaluator::layer_cost(layer.graph);
    details["bytes"] = cost.bytes;
    details["operations"] = cost.operations;
    if (layer.graph.nodes.size() <= most_nodes_of_a_picture) {
        add(details, "picture", [&] { return picture_of(layer); });
        add(details, "response", [&] { return responses_of(layer); });
    } else {
        const std::string why = fmt::format("it has more than {} nodes", most_nodes_of_a_picture);
        add_missing(details, "picture", why);
        add_missing(details, "response", why);
    }
    if (speed)
        add(details, "speed", [&] { return speeds_of(layer, *speed); });
    else
        add_missing(details, "speed", "not measured");
    return details;
}

}  // namespace normact::tools
