#pragma once

#include "evaluator/layer_speed.h"
#include "results/study_view.h"
#include "search/configuration.h"

#include <nlohmann/json_fwd.hpp>

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace normact::tools {

/// How much a report tells.
struct ReportExtent {
    int layers = 20;                            ///< the best ones, one by one; 1 to results::most_of_a_page
    std::size_t sample = 5000;                  ///< layers at equal distances that stand for all where graphs are read
    bool details = true;                        ///< with what layer_details.h tells of each; else no layer is timed
    std::optional<evaluator::SpeedTask> speed;  ///< on what layers are timed; nothing: they are not
};

/// A tensor of the middle of a small network, in the memory format that networks run fastest in. One thread, as a
/// worker trains a layer.
inline evaluator::SpeedTask timed_task() {
    return {.shape = {64, 16, 24, 24}, .channels_last = true, .threads = 1, .runs = 7};
}

/// Hears what is being done, for a progress line.
using ReportProgress = std::function<void(const std::string& step)>;

/// A study as `normact report` and `normact serve` show it, docs/commands.md: "normact/report". Its size does not grow
/// with the study: scores are added up, or stand for many others.
nlohmann::ordered_json report_document(results::StudyView& view, const std::string& place, const ReportExtent& extent,
                                       const ReportProgress& progress);

/// A candidate as a row of a table: without its graph. `tasks` says in which order its accuracies come.
nlohmann::ordered_json candidate_row(const results::Candidate& candidate, const std::vector<std::string>& tasks);

/// The formulas of two candidates and where they differ, with inputs in the same order where that makes no difference,
/// docs/commands.md: a `change`. null for graphs of more than most_nodes_of_a_picture nodes.
nlohmann::ordered_json formula_change(const results::Candidate& before, const results::Candidate& after);

/// A candidate and its ancestors, each a row with how it changed from the next one, its parent.
nlohmann::ordered_json lineage_rows(const std::vector<results::Candidate>& line, const std::vector<std::string>& tasks);

}  // namespace normact::tools
