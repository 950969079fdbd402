#include "tools/comparison.h"

#include "tools/candidates.h"
#include "tools/json_output.h"
#include "tools/text_file.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>

namespace normact::tools {
namespace {

using Json = nlohmann::ordered_json;

/// What two comparisons must share for their scores to be comparable.
Json conditions(const search::Configuration& configuration) {
    const Json all = Json::parse(search::to_json(configuration));
    return {{"seed", all.at("seed")}, {"scoring", all.at("scoring")}};
}

/// One value for each finished replicate of the layer.
template <typename Value>
std::vector<double> values_of(const Comparison& comparison, const ComparedLayer& layer, const Value& value) {
    std::vector<double> values;
    for (auto it = comparison.finished.lower_bound({layer.hash, 0});
         it != comparison.finished.end() && it->first.first == layer.hash; ++it) {
        values.push_back(value(it->second));
    }
    return values;
}

Json to_json(const std::optional<Estimate>& estimate) {
    return {{"mean", estimate ? Json(estimate->mean) : Json()},
            {"standard_error", estimate && estimate->standard_error ? Json(*estimate->standard_error) : Json()}};
}

Json to_json(const Comparison& comparison, const ComparedLayer& layer) {
    Json anchors = Json::array();
    for (const std::string& task : tasks_of(comparison)) {
        Json anchor{{"task", task}};
        anchor.update(to_json(on_task(comparison, layer, task)));
        anchors.push_back(std::move(anchor));
    }
    Json scores = Json::array();
    for (const auto& [key, replicate] : comparison.finished) {
        if (key.first != layer.hash) continue;
        for (const auto& score : replicate) scores.push_back(tools::to_json(score));
    }
    Json document{{"name", layer.name}, {"text", layer.text}, {"hash", primitives::to_string(layer.hash)}};
    document.update(to_json(overall(comparison, layer)));
    document["anchors"] = std::move(anchors);
    document["scores"] = std::move(scores);
    return document;
}

void take_over_layer(Comparison& comparison, const Json& entry) {
    const auto hash = primitives::parse_hash(entry.at("hash").get<std::string>());
    if (!hash) throw std::runtime_error("a hash is not 32 hexadecimal digits");
    if (std::ranges::find(comparison.layers, *hash, &ComparedLayer::hash) == comparison.layers.end()) {
        comparison.layers.push_back({entry.at("name"), entry.at("text"), *hash});
    }
    for (const Json& score : entry.at("scores")) {
        const int replicate = score.at("replicate");
        comparison.finished[{*hash, replicate}].push_back(
            {score.at("task"), replicate, score.at("accuracy"), score.at("seconds")});
    }
}

}  // namespace

std::optional<Estimate> estimate(std::span<const double> values) {
    if (values.empty()) return std::nullopt;
    const auto count = static_cast<double>(values.size());
    const double mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
    if (values.size() == 1) return Estimate{mean, std::nullopt};
    double squares = 0;
    for (const double value : values) squares += (value - mean) * (value - mean);
    return Estimate{mean, std::sqrt(squares / (count - 1) / count)};
}

std::optional<Estimate> overall(const Comparison& comparison, const ComparedLayer& layer) {
    return estimate(values_of(comparison, layer, [](const std::vector<proxy_tasks::Score>& scores) {
        return mean_accuracy(scores).value_or(0);
    }));
}

std::optional<Estimate> on_task(const Comparison& comparison, const ComparedLayer& layer, const std::string& task) {
    return estimate(values_of(comparison, layer, [&task](const std::vector<proxy_tasks::Score>& scores) {
        return std::ranges::find(scores, task, &proxy_tasks::Score::task)->accuracy;
    }));
}

std::vector<std::string> tasks_of(const Comparison& comparison) {
    std::vector<std::string> tasks;
    if (comparison.finished.empty()) return tasks;
    for (const auto& score : comparison.finished.begin()->second) tasks.push_back(score.task);
    return tasks;
}

Json to_json(const Comparison& comparison) {
    Json layers = Json::array();
    for (const ComparedLayer& layer : comparison.layers) layers.push_back(to_json(comparison, layer));
    Json document{{"format", "normact/compare"}, {"version", 1}, {"preset", comparison.configuration.preset}};
    document.update(conditions(comparison.configuration));
    document["seeds"] = comparison.seeds;
    document["tasks"] = tasks_of(comparison);
    document["layers"] = std::move(layers);
    return document;
}

void take_over(Comparison& comparison, const std::string& path) {
    try {
        const Json document = Json::parse(read_text_file(path));
        if (document.at("format") != "normact/compare" || document.at("version") != 1) {
            throw std::runtime_error("it is of another format");
        }
        const Json wanted = conditions(comparison.configuration);
        if (document.at("seed") != wanted.at("seed") || document.at("scoring") != wanted.at("scoring")) {
            throw std::runtime_error("its scores were made with other settings");
        }
        for (const Json& layer : document.at("layers")) take_over_layer(comparison, layer);
    } catch (const std::exception& error) {
        throw std::runtime_error(
            fmt::format("{} can't be added to: {}. Name another file with --output.", path, error.what()));
    }
}

}  // namespace normact::tools
