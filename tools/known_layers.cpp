#include "tools/known_layers.h"

#include "primitives/canonical.h"
#include "primitives/catalogue.h"
#include "primitives/fingerprint.h"
#include "tools/candidates.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

namespace normact::tools {
namespace {

using Json = nlohmann::ordered_json;

std::optional<results::Candidate> first_with_function_of(results::StudyView& view,
                                                         const primitives::LayerGraph& graph) {
    results::CandidateQuery query;
    query.order = results::CandidateQuery::Order::oldest;
    query.fingerprint = primitives::probe(primitives::canonical(graph)).fingerprint;
    query.limit = 1;
    const auto page = view.page(query);
    return page.candidates.empty() ? std::nullopt : std::optional(page.candidates.front());
}

}  // namespace

Json known_layers(results::StudyView& view, std::span<const results::ScoredPoint> points) {
    std::vector<Json> rows;
    for (const primitives::CatalogueEntry& entry : primitives::catalogue()) {
        const auto candidate = first_with_function_of(view, entry.layer.graph);
        if (!candidate) continue;
        const bool is_scored = candidate->state == results::Candidate::State::scored;
        const auto mean = is_scored ? results::mean_accuracy(candidate->outcome.scores) : std::nullopt;
        Json row{{"name", entry.name},
                 {"candidate", candidate->id},
                 {"state", state_name(*candidate)},
                 {"mean", Json()},
                 {"rank", Json()}};
        if (mean && std::isfinite(*mean)) {
            row["mean"] = *mean;
            row["rank"] = 1 + std::ranges::count_if(points, [&](const auto& point) { return point.mean > *mean; });
        }
        rows.push_back(std::move(row));
    }
    std::ranges::stable_sort(rows, [](const Json& a, const Json& b) {
        return a.at("mean").is_number() && (!b.at("mean").is_number() || a.at("mean") > b.at("mean"));
    });
    return rows;
}

}  // namespace normact::tools
