#include "tools/candidates.h"

#include "primitives/text.h"
#include "search/population.h"
#include "tools/table.h"

#include <fmt/format.h>

namespace normact::tools {

std::string accuracy_text(double accuracy) { return fmt::format("{:.4f}", accuracy); }

std::string anchor_of(const std::string& task) { return task.substr(task.find('/') + 1); }

std::string state_name(const results::Candidate& candidate) {
    const bool rejected = candidate.state == results::Candidate::State::rejected;
    return std::string(rejected ? results::name(candidate.outcome.rejection) : results::name(candidate.state));
}

std::span<const results::FunnelCount> candidate_states() {
    static_assert(results::funnel_counts.front().count == &results::Funnel::proposed);
    return std::span(results::funnel_counts).subspan(1);
}

std::string best_table(const std::vector<results::Candidate>& best, search::Cost cost,
                       std::optional<std::size_t> width) {
    using Side = Column::Side;
    std::vector<Column> layout{{"rank", Side::right}, {"id", Side::right}, {"mean", Side::right}};
    if (!best.empty()) {
        for (const auto& score : best.front().outcome.scores) layout.push_back({anchor_of(score.task), Side::right});
    }
    if (cost == search::Cost::bytes) layout.push_back({"bytes", Side::right});
    if (cost == search::Cost::operations) layout.push_back({"operations", Side::right});
    layout.insert(layout.end(), {{"origin", Side::left}, {"layer", Side::left}});
    std::vector<std::vector<std::string>> rows;
    for (const auto& candidate : best) {
        std::vector<std::string> row{fmt::to_string(rows.size() + 1), fmt::to_string(candidate.id),
                                     accuracy_text(results::mean_accuracy(candidate.outcome.scores).value_or(0))};
        for (const auto& score : candidate.outcome.scores) row.push_back(accuracy_text(score.accuracy));
        if (cost != search::Cost::none) row.push_back(fmt::to_string(search::cost_of(candidate.graph, cost)));
        row.push_back(candidate.origin);
        row.push_back(primitives::to_text(candidate.graph));
        rows.push_back(std::move(row));
    }
    return aligned(layout, rows, width);
}

std::string funnel_text(const results::Funnel& funnel) {
    std::string text =
        fmt::format("{} proposed → {} invalid → {} duplicate → {} quality → {} stability → {} scored", funnel.proposed,
                    funnel.invalid, funnel.duplicate, funnel.quality, funnel.stability, funnel.scored);
    if (funnel.quarantined > 0) text += fmt::format(", {} quarantined", funnel.quarantined);
    if (funnel.open > 0) text += fmt::format(", {} open", funnel.open);
    return text;
}

}  // namespace normact::tools
