#include "tools/comparison.h"

#include "primitives/json_error.h"
#include "tools/candidates.h"
#include "tools/json_output.h"
#include "tools/output_file.h"
#include "tools/terminal.h"
#include "tools/text_file.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <utility>

namespace normact::tools {
namespace {

using Json = nlohmann::ordered_json;

/// What two comparisons must share for their scores to be comparable.
Json conditions(const search::Configuration& configuration) {
    const Json all = Json::parse(search::to_json(configuration));
    return {{"seed", all.at("seed")}, {"scoring", all.at("scoring")}};
}

/// Calls body(scores) for each finished replicate of the layer, in their order.
void for_each_finished(const Comparison& comparison, const ComparedLayer& layer, auto&& body) {
    const auto end = comparison.finished.lower_bound({layer.hash, layer.settings, most_seeds});
    for (auto it = comparison.finished.lower_bound({layer.hash, layer.settings, 0}); it != end; ++it) body(it->second);
}

/// One value for each of them.
template <typename Value>
std::vector<double> values_of(const Comparison& comparison, const ComparedLayer& layer, const Value& value) {
    std::vector<double> values;
    for_each_finished(comparison, layer, [&](const auto& scores) { values.push_back(value(scores)); });
    return values;
}

Json to_json(const std::optional<Estimate>& estimate) {
    return {{"mean", estimate ? Json(estimate->mean) : Json()},
            {"standard_error", estimate && estimate->standard_error ? Json(*estimate->standard_error) : Json()}};
}

Json to_json(const Comparison& comparison, const ComparedLayer& layer) {
    Json anchors = Json::array();
    for (const std::string& task : search::tasks_of(comparison.configuration.scoring)) {
        Json anchor{{"task", task}};
        anchor.update(to_json(on_task(comparison, layer, task)));
        anchors.push_back(std::move(anchor));
    }
    Json scores = Json::array();
    for_each_finished(comparison, layer, [&](const auto& replicate) {
        for (const auto& score : replicate) scores.push_back(tools::to_json(score));
    });
    Json document{{"name", layer.name},
                  {"text", layer.text},
                  {"hash", primitives::to_string(layer.hash)},
                  {"groups", layer.settings.groups},
                  {"epsilon", layer.settings.epsilon}};
    document.update(to_json(overall(comparison, layer)));
    document["anchors"] = std::move(anchors);
    document["scores"] = std::move(scores);
    return document;
}

// What a file holds is not trusted.

std::string shown(const Json& value) { return clipped(value.dump(), 40); }

int whole_number(const Json& value, int least, int most) {
    const bool fits = value.is_number_integer() && value >= least && value <= most;
    if (!fits) throw std::runtime_error(fmt::format("{} is no whole number from {} to {}", shown(value), least, most));
    return value;
}

double number(const Json& value, double least, double most) {
    const bool fits = value.is_number() && value >= least && value <= most;
    if (!fits) throw std::runtime_error(fmt::format("{} is no number from {} to {}", shown(value), least, most));
    return value;
}

/// Files of the first releases lack both: their layers were all trained with the settings of the configuration.
primitives::LayerSettings read_settings(const Json& entry, const primitives::LayerSettings& missing) {
    constexpr int most_groups = std::numeric_limits<int>::max();
    return {entry.contains("groups") ? whole_number(entry.at("groups"), 1, most_groups) : missing.groups,
            entry.contains("epsilon") ? number(entry.at("epsilon"), primitives::least_epsilon, primitives::most_epsilon)
                                      : missing.epsilon};
}

/// The scores of a layer by their replicates, each of which has every task once.
std::map<int, std::vector<proxy_tasks::Score>> read_scores(const Json& list, const std::vector<std::string>& tasks) {
    std::map<int, std::vector<proxy_tasks::Score>> replicates;
    for (const Json& entry : list) {
        const int replicate = whole_number(entry.at("replicate"), 0, most_seeds - 1);
        constexpr double longest = std::numeric_limits<double>::max();
        replicates[replicate].push_back(
            {entry.at("task"), replicate, number(entry.at("accuracy"), 0, 1), number(entry.at("seconds"), 0, longest)});
    }
    for (const auto& [replicate, scores] : replicates) {
        if (!std::ranges::is_permutation(scores, tasks, {}, &proxy_tasks::Score::task)) {
            throw std::runtime_error(
                fmt::format("replicate {} of a layer does not have one score for each task", replicate));
        }
    }
    return replicates;
}

void take_over_layer(Comparison& comparison, const Json& entry) {
    const proxy_tasks::ScoringSettings& scoring = comparison.configuration.scoring;
    const auto hash = primitives::parse_hash(entry.at("hash").get<std::string>());
    if (!hash) throw std::runtime_error("a hash is not 32 hexadecimal digits");
    const ComparedLayer layer{entry.at("name"), entry.at("text"), *hash, read_settings(entry, scoring.layer)};
    const bool is_there = std::ranges::any_of(comparison.layers, [&layer](const ComparedLayer& other) {
        return other.hash == layer.hash && other.settings == layer.settings;
    });
    if (!is_there) comparison.layers.push_back(layer);
    // A layer that was named in two ways stands twice, with the same scores: the first ones count.
    for (auto& [replicate, scores] : read_scores(entry.at("scores"), search::tasks_of(scoring)))
        comparison.finished.try_emplace({layer.hash, layer.settings, replicate}, std::move(scores));
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
        return results::mean_accuracy(scores).value_or(0);
    }));
}

std::optional<Estimate> on_task(const Comparison& comparison, const ComparedLayer& layer, const std::string& task) {
    return estimate(values_of(comparison, layer, [&task](const std::vector<proxy_tasks::Score>& scores) {
        return std::ranges::find(scores, task, &proxy_tasks::Score::task)->accuracy;
    }));
}

Json to_json(const Comparison& comparison) {
    Json layers = Json::array();
    for (const ComparedLayer& layer : comparison.layers) layers.push_back(to_json(comparison, layer));
    Json document{{"format", "normact/compare"}, {"version", 1}, {"preset", comparison.configuration.preset}};
    document.update(conditions(comparison.configuration));
    document["seeds"] = comparison.seeds;
    document["tasks"] = search::tasks_of(comparison.configuration.scoring);
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
        comparison.seeds = std::max(comparison.seeds, whole_number(document.at("seeds"), 1, most_seeds));
        for (const Json& layer : document.at("layers")) take_over_layer(comparison, layer);
    } catch (const std::exception& error) {
        throw std::runtime_error(fmt::format("{} can't be added to: {}. Name another file with --output.", path,
                                             primitives::plain_message(error)));
    }
}

void save(const Comparison& comparison, const std::string& path) {
    replace_text_file(path, printed(to_json(comparison)));
}

}  // namespace normact::tools
