#include "tools/reevaluation_output.h"

#include "primitives/json.h"
#include "primitives/text.h"
#include "tools/candidates.h"
#include "tools/table.h"
#include "tools/terminal.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace normact::tools {
namespace {

using Json = nlohmann::ordered_json;
using results::Mean;

/// What was found on the validation images or on the test images.
struct Findings {
    const std::vector<Condition>& conditions;
    std::vector<results::Measured> measured;
    results::Overall overall;
    results::Ranking ranking;
};

Findings findings_of(const Reevaluation& reevaluation, const std::vector<Condition>& conditions,
                     const KnownTrials& known) {
    Findings findings{conditions, measured(reevaluation, conditions, known), {}, {}};
    findings.overall = results::overall(findings.measured);
    Generator generator(1);  // the same values give the same ranking
    findings.ranking = results::rank(findings.overall.values, generator);
    return findings;
}

/// In the order of the ranking, those without any value last.
std::vector<std::size_t> layers_in_order(const Findings& findings, std::size_t layers) {
    std::vector<std::size_t> order = findings.ranking.order;
    for (std::size_t layer = 0; layer < layers; ++layer)
        if (std::ranges::find(findings.ranking.order, layer) == findings.ranking.order.end()) order.push_back(layer);
    return order;
}

/// The mean over all conditions.
std::optional<Mean> overall_mean(const Findings& findings, std::size_t layer) {
    return results::mean_of(findings.overall.values.at(layer));
}

int seeds_of(const Findings& findings, std::size_t layer) {
    return static_cast<int>(
        std::ranges::count_if(findings.overall.values.at(layer), [](const auto& value) { return value.has_value(); }));
}

std::string mean_text(const std::optional<Mean>& mean) {
    if (!mean) return "-";
    return accuracy_text(mean->mean) + (mean->margin ? fmt::format(" ±{:.4f}", *mean->margin) : "");
}

std::string rank_text(const results::Standing& standing) {
    return standing.first_rank == standing.last_rank ? fmt::to_string(standing.first_rank)
                                                     : fmt::format("{} to {}", standing.first_rank, standing.last_rank);
}

std::string behind_text(const Findings& findings, std::size_t layer) {
    if (layer == findings.ranking.order.front()) return "";
    const results::Standing& standing = findings.ranking.standings[layer];
    return fmt::format("{:+.4f}  ({:+.4f} to {:+.4f}){}", standing.effect, standing.low, standing.high,
                       standing.separated ? "" : ", not separated");
}

/// Below one percent and above 99, four thousand samples say no more.
std::string percent(double share) {
    if (share < 0.01) return "<1%";
    if (share > 0.99) return ">99%";
    return fmt::format("{:.0f}%", 100 * share);
}

std::string ranking_table(const Reevaluation& reevaluation, const Findings& findings,
                          std::optional<std::size_t> width) {
    using Side = Column::Side;
    const std::string measure = findings.overall.measure.empty() ? "standardized" : findings.overall.measure;
    const std::vector<Column> layout{{"layer", Side::left},    {"P(best)", Side::right},         {"rank", Side::left},
                                     {measure, Side::left},    {"against the best", Side::left}, {"seeds", Side::right},
                                     {"text form", Side::left}};
    std::vector<std::vector<std::string>> rows;
    for (const std::size_t layer : layers_in_order(findings, reevaluation.layers.size())) {
        const ReevaluatedLayer& one = reevaluation.layers[layer];
        const int seeds = seeds_of(findings, layer);
        const results::Standing& standing = findings.ranking.standings[layer];
        const bool ranked = seeds > 0;
        rows.push_back({clipped(one.layer.name, 30), ranked ? percent(standing.probability_best) : "-",
                        ranked ? rank_text(standing) : "-", mean_text(overall_mean(findings, layer)),
                        ranked ? behind_text(findings, layer) : "-", fmt::to_string(seeds),
                        primitives::to_text(one.layer.graph)});
    }
    return aligned(layout, rows, width);
}

/// Against the layer that is first over all conditions, under one of them, by pairs of seeds.
std::optional<Mean> difference_from_first(const Findings& findings, std::size_t condition, std::size_t layer) {
    if (findings.ranking.order.empty()) return std::nullopt;
    const auto& values = findings.measured[condition].values;
    return results::paired_difference(values[layer], values[findings.ranking.order.front()]);
}

/// The mean under one condition, marked where it is not separated from that of the layer that is first.
std::string condition_text(const Findings& findings, std::size_t condition, std::size_t layer) {
    std::string mean = mean_text(results::mean_of(findings.measured[condition].values[layer]));
    const auto difference = difference_from_first(findings, condition, layer);
    if (layer == findings.ranking.order.front() || !difference || results::is_separated(*difference)) return mean;
    return mean + " ≈";
}

/// Layers against conditions, a few conditions side by side.
std::string condition_tables(const Reevaluation& reevaluation, const Findings& findings,
                             std::optional<std::size_t> width) {
    constexpr std::size_t side_by_side = 4;
    std::string text;
    for (std::size_t first = 0; first < findings.conditions.size(); first += side_by_side) {
        const std::size_t end = std::min(first + side_by_side, findings.conditions.size());
        std::vector<Column> layout{{"layer", Column::Side::left}};
        for (std::size_t c = first; c < end; ++c)
            layout.push_back({short_name(findings.conditions[c], findings.conditions), Column::Side::left});
        std::vector<std::vector<std::string>> rows;
        for (const std::size_t layer : findings.ranking.order) {
            std::vector<std::string> row{clipped(reevaluation.layers[layer].layer.name, 30)};
            for (std::size_t c = first; c < end; ++c) row.push_back(condition_text(findings, c, layer));
            rows.push_back(std::move(row));
        }
        text += "\n" + aligned(layout, rows, width);
    }
    return text + fmt::format("≈: under this condition not separated from {}\n",
                              printable(reevaluation.layers[findings.ranking.order.front()].layer.name));
}

/// What the table comes to, in words.
std::string verdict(const Reevaluation& reevaluation, const Findings& findings) {
    const auto& order = findings.ranking.order;
    if (order.size() < 2) return "";
    std::vector<std::string> beside;
    for (std::size_t place = 1; place < order.size(); ++place)
        if (!findings.ranking.standings[order[place]].separated)
            beside.push_back(printable(clipped(reevaluation.layers[order[place]].layer.name, 30)));
    const std::string best = printable(clipped(reevaluation.layers[order.front()].layer.name, 30));
    if (beside.empty() && findings.ranking.standings[order.front()].probability_best >= 0.95)
        return fmt::format("\n{} is better than all others (95%).\n", best);
    if (beside.empty()) return fmt::format("\nEach of the others is separated from {}.\n", best);
    return fmt::format("\nNot separated from {}: {}.\n", best, fmt::join(beside, ", "));
}

std::string section(const Reevaluation& reevaluation, const std::vector<Condition>& conditions,
                    const KnownTrials& known, std::optional<std::size_t> width) {
    const Findings findings = findings_of(reevaluation, conditions, known);
    if (findings.ranking.order.empty()) return "No seed is trained under all conditions yet.\n";
    return ranking_table(reevaluation, findings, width) + verdict(reevaluation, findings) +
           (conditions.size() > 1 ? condition_tables(reevaluation, findings, width) : "");
}

std::string lost_trials(const Reevaluation& reevaluation, const KnownTrials& known) {
    std::string text;
    for (const auto* const conditions : {&reevaluation.conditions, &reevaluation.test_conditions})
        for (const Condition& condition : *conditions)
            for (const ReevaluatedLayer& layer : reevaluation.layers)
                for (int seed = 0; seed < reevaluation.seeds; ++seed) {
                    const auto found = known.find(trial_name(condition, layer, seed));
                    if (found == known.end() || found->second.state != results::TrialRecord::State::quarantined)
                        continue;
                    text += fmt::format("  {}, {}, seed {}: {}\n", printable(layer.layer.name), long_name(condition),
                                        seed, printable(clipped(found->second.reason, 200)));
                }
    return text.empty() ? text : "\nGiven up after too many failures; `normact study retry` tries them again:\n" + text;
}

Json number(const std::optional<double>& value) { return value ? Json(*value) : Json(); }

Json to_json(const std::optional<Mean>& mean) {
    return {{"mean", mean ? Json(mean->mean) : Json()}, {"margin", mean ? number(mean->margin) : Json()}};
}

Json to_json(const Condition& condition) {
    const auto& training = condition.configuration.scoring.training;
    return {{"name", long_name(condition)},
            {"task", search::tasks_of(condition.configuration.scoring).front()},
            {"anchor", condition.anchor},
            {"batch", condition.batch},
            {"optimizer", condition.optimizer},
            {"steps", training.steps},
            {"learning_rate", training.learning_rate},
            {"weight_decay", training.weight_decay},
            {"measure", condition.measure}};
}

Json conditions_json(const Findings& findings, std::size_t layer) {
    Json all = Json::array();
    for (std::size_t c = 0; c < findings.conditions.size(); ++c) {
        const auto& values = findings.measured[c].values;
        Json one{{"condition", long_name(findings.conditions[c])}};
        one.update(to_json(results::mean_of(values[layer])));
        const auto difference = difference_from_first(findings, c, layer);
        one["difference"] = findings.ranking.order.empty() ? Json() : to_json(difference);
        one["separated"] = difference ? Json(results::is_separated(*difference)) : Json();
        one["values"] = Json::array();
        for (const auto& value : values[layer]) one["values"].push_back(number(value));
        all.push_back(std::move(one));
    }
    return all;
}

Json layer_json(const ReevaluatedLayer& layer, const Findings& findings, std::size_t index) {
    const int seeds = seeds_of(findings, index);
    const results::Standing& standing = findings.ranking.standings[index];
    const auto if_ranked = [&](auto value) { return seeds > 0 ? Json(value) : Json(); };
    Json one{{"name", layer.layer.name},
             {"candidate", layer.candidate ? Json(*layer.candidate) : Json()},
             {"reference", layer.is_reference},
             {"hash", primitives::to_string(layer.hash)},
             {"seeds", seeds},
             {"probability_best", if_ranked(standing.probability_best)},
             {"first_rank", if_ranked(standing.first_rank)},
             {"last_rank", if_ranked(standing.last_rank)}};
    one.update(to_json(overall_mean(findings, index)));
    one["against_best"] = Json{{"difference", if_ranked(standing.effect)},
                               {"low", if_ranked(standing.low)},
                               {"high", if_ranked(standing.high)}};
    one["separated"] = if_ranked(standing.separated);
    one["conditions"] = conditions_json(findings, index);
    one["text"] = primitives::to_text(layer.layer.graph);
    one["layer"] = Json::parse(primitives::to_json(layer.layer));
    return one;
}

Json section_json(const Reevaluation& reevaluation, const std::vector<Condition>& conditions,
                  const KnownTrials& known) {
    const Findings findings = findings_of(reevaluation, conditions, known);
    Json list = Json::array(), layers = Json::array();
    for (const Condition& condition : conditions) list.push_back(to_json(condition));
    for (const std::size_t layer : layers_in_order(findings, reevaluation.layers.size()))
        layers.push_back(layer_json(reevaluation.layers[layer], findings, layer));
    return {{"measure", findings.overall.measure.empty() ? Json() : Json(findings.overall.measure)},
            {"conditions", list},
            {"layers", layers}};
}

}  // namespace

std::string for_people(const Reevaluation& reevaluation, const KnownTrials& known, std::optional<std::size_t> width) {
    std::string text = section(reevaluation, reevaluation.conditions, known, width);
    if (!reevaluation.test_conditions.empty())
        text += "\nOn the test images:\n" + section(reevaluation, reevaluation.test_conditions, known, width);
    return text + lost_trials(reevaluation, known);
}

Json document(const Reevaluation& reevaluation, const KnownTrials& known, const std::string& study) {
    const auto& configuration = reevaluation.conditions.front().configuration;
    return {{"format", "normact/reevaluate"},
            {"version", 1},
            {"study", study},
            {"seed", configuration.seed},
            {"dataset", datasets(reevaluation)},
            {"engine", configuration.scoring.engine},
            {"seeds", reevaluation.seeds},
            {"finished", plan(reevaluation, known).open.empty()},
            {"validation", section_json(reevaluation, reevaluation.conditions, known)},
            {"test", reevaluation.test_conditions.empty()
                         ? Json()
                         : section_json(reevaluation, reevaluation.test_conditions, known)}};
}

}  // namespace normact::tools
