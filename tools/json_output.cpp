#include "tools/json_output.h"

#include "evaluator/layer_cost.h"
#include "primitives/json.h"
#include "primitives/text.h"
#include "tools/candidates.h"
#include "tools/duration.h"
#include "tools/filter_audit.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace normact::tools {

using Json = nlohmann::ordered_json;

Json to_json(const proxy_tasks::Score& score) {
    return {
        {"task", score.task}, {"replicate", score.replicate}, {"accuracy", score.accuracy}, {"seconds", score.seconds}};
}

Json to_json(const results::Funnel& funnel) {
    Json counts = Json::object();
    for (const auto& [name, count] : results::funnel_counts) counts[std::string(name)] = funnel.*count;
    return counts;
}

Json to_json(const results::Candidate& candidate, const primitives::LayerSettings& settings) {
    Json scores = Json::array();
    for (const auto& score : candidate.outcome.scores) scores.push_back(to_json(score));
    const auto mean = results::mean_accuracy(candidate.outcome.scores);
    const primitives::Layer layer{fmt::format("candidate {}", candidate.id), candidate.graph, settings};
    const auto cost = evaluator::layer_cost(candidate.graph);
    return {{"candidate", candidate.id},
            {"state", state_name(candidate)},
            {"reason", candidate.outcome.reason},
            {"mean", mean ? Json(*mean) : Json()},
            {"scores", scores},
            {"seconds", candidate.outcome.seconds},
            {"finished", candidate.finished ? Json(utc_text(Seconds(*candidate.finished))) : Json()},
            {"bytes_an_element", cost.bytes},
            {"operations_an_element", cost.operations},
            {"text", primitives::to_text(candidate.graph)},
            {"hash", primitives::to_string(candidate.hash)},
            {"fingerprint", primitives::to_string(candidate.fingerprint)},
            {"evaluated", candidate.evaluated == 0 ? Json() : Json(candidate.evaluated)},
            {"parent", candidate.parent ? Json(*candidate.parent) : Json()},
            {"origin", candidate.origin},
            {"layer", Json::parse(primitives::to_json(layer))}};
}

Json best_document(const std::string& format, const Study& study, int count) {
    Json layers = Json::array();
    for (const auto& candidate : study.store->best(count)) {
        Json layer{{"rank", layers.size() + 1}};
        layer.update(to_json(candidate, study.configuration.scoring.layer));
        layers.push_back(std::move(layer));
    }
    return {{"format", format},
            {"version", 1},
            {"study", study.path},
            {"configuration", Json::parse(search::to_json(study.configuration))},
            {"funnel", to_json(study.store->funnel())},
            {"audit", to_json(results::judge_filters(*study.store))},
            {"layers", layers}};
}

std::string printed(const Json& document) {
    return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace normact::tools
