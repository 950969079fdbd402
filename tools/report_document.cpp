#include "tools/report_document.h"

#include "evaluator/layer_cost.h"
#include "primitives/difference.h"
#include "primitives/marked_texts.h"
#include "primitives/text.h"
#include "results/score_summary.h"
#include "tools/candidates.h"
#include "tools/duration.h"
#include "tools/filter_audit.h"
#include "tools/json_output.h"
#include "tools/known_layers.h"
#include "tools/layer_details.h"
#include "tools/machine.h"
#include "tools/study_argument.h"
#include "tools/worker_description.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iterator>
#include <map>
#include <set>
#include <span>
#include <utility>

namespace normact::tools {
namespace {

using Json = nlohmann::ordered_json;
using results::Candidate;
using results::CandidateId;
using results::ScoredPoint;
using Candidates = std::vector<Candidate>;

constexpr std::size_t charted_points = 1500;  ///< scores that a chart shows at most
constexpr std::size_t costed_layers = 200;    ///< best ones, and as many others, that a chart of costs shows
constexpr std::size_t timed_layers = 40;      ///< best ones, and as many others, that are timed
constexpr std::size_t histogram_bins = 40;
constexpr std::size_t lineages = 8;  ///< best layers whose ancestors are told
constexpr int longest_lineage = 300;
constexpr int most_contributions = 50;
constexpr std::size_t longest_text = 2000;  ///< of a formula in a table

Json number(double value) { return std::isfinite(value) ? Json(value) : Json(); }

std::string short_text(const primitives::LayerGraph& graph) {
    std::string text = primitives::to_text(graph);
    if (text.size() > longest_text) text = text.substr(0, longest_text) + "…";
    return text;
}

/// Points as [candidate, seconds since the study was made, mean].
Json points_of(const std::vector<ScoredPoint>& points) {
    Json list = Json::array();
    for (const auto& point : points) list.push_back({point.candidate, number(point.finished), point.mean});
    return list;
}

/// A part of a study's scored layers with their graphs.
struct Layers {
    Candidates best, sample;  ///< by rank; at equal distances over all ids
};

Candidates read_candidates(results::StudyView& view, std::span<const ScoredPoint> points) {
    constexpr std::size_t at_once = 1000;
    Candidates candidates;
    for (; !points.empty(); points = points.subspan(std::min(at_once, points.size()))) {
        std::vector<CandidateId> ids;
        for (const auto& point : points.first(std::min(at_once, points.size()))) ids.push_back(point.candidate);
        std::ranges::move(view.candidates(ids), std::back_inserter(candidates));
    }
    return candidates;
}

Layers read_layers(results::StudyView& view, const std::vector<ScoredPoint>& points, const ReportExtent& extent) {
    auto ranked = points;
    const auto count = std::min(ranked.size(), std::max(costed_layers, static_cast<std::size_t>(extent.layers)));
    std::ranges::partial_sort(ranked, ranked.begin() + static_cast<std::ptrdiff_t>(count),
                              [](const ScoredPoint& a, const ScoredPoint& b) {
                                  return a.mean != b.mean ? a.mean > b.mean : a.candidate < b.candidate;
                              });
    ranked.resize(count);
    return {read_candidates(view, ranked), read_candidates(view, results::evenly_spaced(points, extent.sample))};
}

/// The best layers and as many of the sample, each once.
std::vector<const Candidate*> best_and_others(const Layers& layers, std::size_t count) {
    std::vector<const Candidate*> chosen;
    std::set<CandidateId> ids;
    const auto take = [&](const Candidate& candidate) {
        if (ids.insert(candidate.id).second) chosen.push_back(&candidate);
    };
    for (std::size_t i = 0; i < std::min(count, layers.best.size()); ++i) take(layers.best[i]);
    const std::size_t step = std::max<std::size_t>(1, layers.sample.size() / std::max<std::size_t>(1, count));
    for (std::size_t i = 0; i < layers.sample.size(); i += step) take(layers.sample[i]);
    return chosen;
}

Json accuracies_of(const Candidate& candidate, const std::vector<std::string>& tasks) {
    Json accuracies = Json::array();
    for (const std::string& task : tasks) {
        const auto score = std::ranges::find(candidate.outcome.scores, task, &proxy_tasks::Score::task);
        accuracies.push_back(score == candidate.outcome.scores.end() ? Json() : number(score->accuracy));
    }
    return accuracies;
}

// ---- the parts of the document ----

Json scores_of(const std::vector<ScoredPoint>& points) {
    const auto timed = results::in_order_of_time(points);
    const auto histogram = results::histogram_of_means(points, histogram_bins);
    // Also the steps of the best are thinned out: of a study that rises all the time there are as many as scores.
    const auto thinned = [](const std::vector<ScoredPoint>& list) {
        return points_of(results::evenly_spaced(list, charted_points));
    };
    return {{"count", points.size()},
            {"improvements", thinned(results::improvements(points))},
            {"improvements_in_time", thinned(results::improvements(timed))},
            {"last_finished", timed.empty() ? Json() : Json(timed.back().finished)},
            {"sample", thinned(points)},
            {"histogram", {{"least", histogram.least}, {"most", histogram.most}, {"counts", histogram.counts}}}};
}

Json work_of(results::StudyView& view) {
    Json list = Json::array();
    for (const auto& row : view.contributions(most_contributions))
        list.push_back({{"host", row.host},
                        {"device", row.device},
                        {"engine", row.engine},
                        {"build", row.build},
                        {"workers", row.workers},
                        {"evaluated", row.evaluated}});
    return list;
}

Json anchors_of(const Layers& layers, const std::vector<std::string>& tasks) {
    constexpr std::size_t shown = 60;
    Json rows = Json::array();
    for (const Candidate* candidate : best_and_others(layers, shown))
        rows.push_back({{"candidate", candidate->id}, {"accuracies", accuracies_of(*candidate, tasks)}});
    return {{"tasks", tasks}, {"best", std::min(shown, layers.best.size())}, {"layers", std::move(rows)}};
}

/// A twentieth of all that are scored, but no fewer than ten and no more than were read.
std::size_t number_of_good_layers(const Layers& layers, std::size_t scored) {
    return std::min(layers.best.size(), std::clamp<std::size_t>(scored / 20, 10, costed_layers));
}

Json use_of(const Layers& layers, std::size_t scored) {
    const std::size_t good = number_of_good_layers(layers, scored);
    const auto share = [](std::span<const Candidate> candidates, const auto& has) {
        const auto count = std::ranges::count_if(candidates, [&](const Candidate& c) { return has(c.graph); });
        return candidates.empty() ? 0 : static_cast<double>(count) / static_cast<double>(candidates.size());
    };
    Json rows = Json::array();
    const auto add = [&](std::string_view name, const char* kind, const auto& has) {
        rows.push_back({{"name", name},
                        {"kind", kind},
                        {"best", share(std::span(layers.best).first(good), has)},
                        {"all", share(layers.sample, has)}});
    };
    for (const auto& row : primitives::all_primitives())
        if (row.op != primitives::Op::x)
            add(row.name, row.kind == primitives::Kind::moment ? "moment" : "primitive",
                [&](const primitives::LayerGraph& graph) { return primitives::uses(graph, row.op); });
    for (const auto set : primitives::index_sets)
        add(primitives::name(set), "index set",
            [&](const primitives::LayerGraph& graph) { return primitives::uses(graph, set); });
    return {{"best", good}, {"all", layers.sample.size()}, {"rows", std::move(rows)}};
}

/// Seconds that forward and backward take.
std::map<CandidateId, double> times_of(const Layers& layers, const primitives::LayerSettings& settings,
                                       const evaluator::SpeedTask& task, const ReportProgress& progress) {
    std::map<CandidateId, double> seconds;
    const auto timed = best_and_others(layers, timed_layers);
    for (const Candidate* candidate : timed) {
        progress(fmt::format("timing layer {} of {}", seconds.size() + 1, timed.size()));
        const auto speed = evaluator::layer_speeds({"", candidate->graph, settings}, {"cpu"}, task);
        seconds[candidate->id] = speed.front().forward_backward / 1000;
    }
    return seconds;
}

/// The layers with the best means for what they cost, among those whose cost is known.
std::vector<CandidateId> front_of(const std::vector<const Candidate*>& layers,
                                  const std::map<CandidateId, double>& costs) {
    std::vector<results::CostPoint> points;
    for (const Candidate* candidate : layers) {
        const double mean = results::mean_accuracy(candidate->outcome.scores).value_or(std::nan(""));
        if (const auto cost = costs.find(candidate->id); cost != costs.end() && std::isfinite(mean))
            points.push_back({candidate->id, cost->second, mean});
    }
    std::vector<CandidateId> front;
    for (const auto& point : results::pareto_front(points)) front.push_back(point.candidate);
    return front;
}

Json costs_of(const Layers& layers, const primitives::LayerSettings& settings, const ReportExtent& extent,
              const ReportProgress& progress) {
    std::map<CandidateId, double> seconds, bytes, operations;
    if (extent.speed && extent.details) seconds = times_of(layers, settings, *extent.speed, progress);
    progress("counting the bytes that layers move and the operations that they compute");
    const auto all = best_and_others(layers, layers.best.size() + layers.sample.size());
    for (const Candidate* candidate : all) {
        const auto cost = evaluator::layer_cost(candidate->graph);
        bytes[candidate->id] = cost.bytes;
        operations[candidate->id] = cost.operations;
    }
    const auto by_bytes = front_of(all, bytes), by_operations = front_of(all, operations),
               by_seconds = front_of(all, seconds);
    std::set<CandidateId> shown(by_bytes.begin(), by_bytes.end());
    shown.insert(by_operations.begin(), by_operations.end());
    for (const auto& [id, time] : seconds) shown.insert(id);
    for (const Candidate* candidate : best_and_others(layers, costed_layers)) shown.insert(candidate->id);
    Json rows = Json::array();
    for (const Candidate* candidate : all) {
        if (!shown.contains(candidate->id)) continue;
        const auto time = seconds.find(candidate->id);
        rows.push_back({{"candidate", candidate->id},
                        {"mean", number(results::mean_accuracy(candidate->outcome.scores).value_or(std::nan("")))},
                        {"bytes", static_cast<std::int64_t>(bytes.at(candidate->id))},
                        {"operations", static_cast<std::int64_t>(operations.at(candidate->id))},
                        {"seconds", time == seconds.end() ? Json() : Json(time->second)},
                        {"text", short_text(candidate->graph)}});
    }
    return {{"layers", std::move(rows)},
            {"counted", all.size()},
            {"timed", seconds.size()},
            {"front_by_bytes", by_bytes},
            {"front_by_operations", by_operations},
            {"front_by_seconds", by_seconds}};
}

/// [begin, end) in bytes; formulas are ASCII.
Json marks_of(const primitives::MarkedText& text) {
    Json list = Json::array();
    for (const auto& [begin, end] : text.marks) list.push_back({begin, end});
    return list;
}

Json genealogy_of(results::StudyView& view, const Layers& layers, const std::vector<std::string>& tasks) {
    Json lines = Json::array();
    Json candidates = Json::object();
    for (std::size_t i = 0; i < std::min(lineages, layers.best.size()); ++i) {
        lines.push_back(Json::array());
        const Candidates line = view.lineage(layers.best[i].id, longest_lineage);
        for (const Json& row : lineage_rows(line, tasks)) {
            lines.back().push_back(row["candidate"]);
            candidates[row["candidate"].dump()] = row;
        }
    }
    return {{"lines", std::move(lines)}, {"candidates", std::move(candidates)}};
}

Json layers_of(const Layers& layers, const primitives::LayerSettings& settings, const ReportExtent& extent,
               const ReportProgress& progress) {
    Json list = Json::array();
    for (std::size_t i = 0; i < std::min<std::size_t>(layers.best.size(), static_cast<std::size_t>(extent.layers));
         ++i) {
        const Candidate& candidate = layers.best[i];
        Json layer{{"rank", i + 1}};
        layer.update(to_json(candidate, settings));
        if (extent.details) {
            progress(fmt::format("drawing layer {}", i + 1));
            layer["details"] =
                layer_details({fmt::format("candidate {}", candidate.id), candidate.graph, settings}, extent.speed);
        } else {
            layer["details"] = Json();
        }
        list.push_back(std::move(layer));
    }
    return list;
}

Json machine_of(const ReportExtent& extent) {
    Json machine{{"processor", processor_name()}, {"cores", available_cores()}, {"build", build_description()}};
    machine["speed_task"] = !extent.speed ? Json()
                                          : Json{{"shape", extent.speed->shape},
                                                 {"channels_last", extent.speed->channels_last},
                                                 {"threads", extent.speed->threads},
                                                 {"runs", extent.speed->runs}};
    return machine;
}

}  // namespace

Json candidate_row(const Candidate& candidate, const std::vector<std::string>& tasks) {
    const auto mean = results::mean_accuracy(candidate.outcome.scores);
    const bool duplicate = candidate.evaluated != 0 && candidate.evaluated != candidate.id;
    return {{"candidate", candidate.id},
            {"state", state_name(candidate)},
            {"duplicate_of", duplicate ? Json(candidate.evaluated) : Json()},
            {"reason", candidate.outcome.reason},
            {"mean", mean ? number(*mean) : Json()},
            {"accuracies", accuracies_of(candidate, tasks)},
            {"seconds", number(candidate.outcome.seconds)},
            {"parent", candidate.parent ? Json(*candidate.parent) : Json()},
            {"origin", candidate.origin},
            {"text", short_text(candidate.graph)}};
}

Json formula_change(const Candidate& before, const Candidate& after) {
    if (std::max(before.graph.nodes.size(), after.graph.nodes.size()) > most_nodes_of_a_picture) return {};
    const auto difference = primitives::difference(before.graph, after.graph);
    const auto texts = primitives::marked_texts(difference);
    return {{"before", texts[0].text},
            {"after", texts[1].text},
            {"before_marks", marks_of(texts[0])},
            {"after_marks", marks_of(texts[1])},
            {"one_mutation", difference.is_one_mutation}};
}

Json lineage_rows(const Candidates& line, const std::vector<std::string>& tasks) {
    Json rows = Json::array();
    for (std::size_t i = 0; i < line.size(); ++i) {
        rows.push_back(candidate_row(line[i], tasks));
        rows.back()["change"] = i + 1 < line.size() ? formula_change(line[i + 1], line[i]) : Json();
    }
    return rows;
}

Json report_document(results::StudyView& view, const std::string& place, const ReportExtent& extent,
                     const ReportProgress& progress) {
    progress("reading the study");
    const std::string stored = view.configuration();
    const search::Configuration configuration = configuration_of(place, stored);
    const primitives::LayerSettings& settings = configuration.scoring.layer;
    const auto tasks = search::tasks_of(configuration.scoring);
    const double created = view.created();
    const results::Funnel funnel = view.funnel();
    const auto points = view.scored();
    const Layers layers = read_layers(view, points, extent);
    Json document{{"format", "normact/report"},
                  {"version", 1},
                  {"study", place},
                  {"created", utc_text(Seconds(created))},
                  {"made", utc_text(std::chrono::system_clock::now().time_since_epoch())},
                  {"configuration", Json::parse(search::to_json(configuration))},
                  {"funnel", to_json(funnel)}};
    document["work"] = work_of(view);
    document["machine"] = machine_of(extent);
    document["scores"] = scores_of(points);
    document["known"] = known_layers(view, points);
    document["anchors"] = anchors_of(layers, tasks);
    document["use"] = use_of(layers, points.size());
    document["costs"] = costs_of(layers, settings, extent, progress);
    document["genealogy"] = genealogy_of(view, layers, tasks);
    document["layers"] = layers_of(layers, settings, extent, progress);
    document["reevaluation"] = Json();  // what `normact reevaluate` found, where somebody brings it
    const results::FalseRejections rejections = results::judge_filters(view);
    document["false_rejections"] = rejections.audited() > 0 ? to_json(rejections) : Json();
    return document;
}

}  // namespace normact::tools
