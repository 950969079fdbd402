// normact verify: trains a stored score again and tells whether it is the same to the last bit.

#include "primitives/text.h"
#include "tools/candidates.h"
#include "tools/command.h"
#include "tools/json_output.h"
#include "tools/progress_line.h"
#include "tools/score_candidate.h"
#include "tools/stop_on_signals.h"
#include "tools/study_argument.h"
#include "tools/table.h"
#include "tools/terminal.h"
#include "tools/worker_description.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <bit>
#include <cstdint>
#include <limits>
#include <unistd.h>

namespace normact::tools {
namespace {

/// The candidate whose scores are to be had again. Throws UsageError if it has none.
results::Candidate candidate_to_verify(const Study& study, results::CandidateId id) {
    const auto candidate = study.store->find(id);
    if (!candidate) throw UsageError(fmt::format("{} has no candidate {}", study.path, id));
    if (candidate->outcome.scores.empty()) {
        throw UsageError(
            fmt::format("candidate {} has no score to repeat: its state is '{}'", id, state_name(*candidate)));
    }
    return *candidate;
}

proxy_tasks::Outcome evaluate_again(const Study& study, const primitives::LayerGraph& graph,
                                    const std::stop_token& stop) {
    const proxy_tasks::Scorer scorer = make_scorer(study.configuration.scoring);
    std::mutex mutex;
    std::string stage = "starting";
    ProgressLine line([&](Seconds elapsed) {
        const std::scoped_lock lock(mutex);
        return fmt::format("{} · {}", clock_text(elapsed), stage);
    });
    return score_candidate(scorer, study.configuration, graph, stop, [&](const proxy_tasks::Progress& progress) {
        const std::scoped_lock lock(mutex);
        stage = fmt::format("{}, step {} of {}", progress.stage, progress.step, progress.steps);
    });
}

nlohmann::ordered_json document(const Study& study, const results::Candidate& candidate,
                                const proxy_tasks::Outcome& again) {
    nlohmann::ordered_json scores = nlohmann::ordered_json::array();
    for (const auto& score : again.scores) scores.push_back(to_json(score));
    return {{"format", "normact/verify"},
            {"version", 1},
            {"study", study.path},
            {"engine", study.configuration.scoring.engine},
            {"build", build_description()},
            {"identical", identical(candidate.outcome, again)},
            {"candidate", to_json(candidate, study.configuration.scoring.layer)},
            {"again", scores},
            {"reason", again.reason}};
}

/// With all digits that tell two accuracies apart.
std::string exact(double accuracy) { return fmt::format("{}", accuracy); }

std::string comparison_text(const results::Candidate& candidate, const proxy_tasks::Outcome& again) {
    std::vector<std::vector<std::string>> rows;
    for (std::size_t i = 0; i < candidate.outcome.scores.size(); ++i) {
        const auto& stored = candidate.outcome.scores[i];
        const bool there = i < again.scores.size();
        const bool same = there && same_bits(stored.accuracy, again.scores[i].accuracy);
        rows.push_back({stored.task, exact(stored.accuracy), there ? exact(again.scores[i].accuracy) : "-",
                        same ? "identical" : "different"});
    }
    return fmt::format("candidate {}: {}\n\n{}\n{}", candidate.id, primitives::to_text(candidate.graph),
                       aligned({{"task"}, {"stored"}, {"again"}, {""}}, rows),
                       again.reason.empty() || !candidate.outcome.reason.empty()
                           ? ""
                           : fmt::format("Now rejected: {}\n", printable(again.reason)));
}

/// What may be the reason of a difference.
std::string difference_text(const Study& study, const results::Candidate& candidate) {
    std::string text =
        "The score is NOT the same. That is only promised on the machine and with the build that made it.\n";
    const results::Worker here = describe_worker(study.configuration.scoring.engine);
    if (const auto there = study.store->evaluated_by(candidate.fingerprint)) {
        text += fmt::format("  made by     {}; {}\n", printable(there->device), printable(there->build));
    }
    return text + fmt::format("  made again  {}; {}", here.device, here.build);
}

int run(const Arguments& arguments) {
    StopOnSignals signals([] { tell("\nStopping.\n"); });
    if (!arguments.has("score")) throw UsageError("--score ID is missing: the candidate whose score is trained again");
    const std::int64_t id = arguments.number("score", 1, std::numeric_limits<std::int64_t>::max());
    const Study study = open_study(existing_study(arguments));
    const results::Candidate candidate = candidate_to_verify(study, id);
    proxy_tasks::Outcome again;
    try {
        again = evaluate_again(study, trained_graph(study, candidate), signals.token());
    } catch (const proxy_tasks::Stopped&) {
        return 128 + signals.signal();
    }
    const bool same = identical(candidate.outcome, again);
    if (arguments.has("json")) {
        answer(printed(document(study, candidate, again)));
    } else {
        answer(comparison_text(candidate, again) +
               (same ? "The score is identical to the last bit." : difference_text(study, candidate)) + "\n");
    }
    return same ? fine : failed;
}

}  // namespace

const Command& verify_command() {
    static const Command command{
        .name = "verify",
        .summary = "Train a stored score again and tell whether it is the same to the last bit.",
        .options = {{"score", "ID", "the candidate whose score it is", {}},
                    study_option("the study (default: the only one in this folder)"),
                    {"json", "", "print JSON, see docs/commands.md", {}}},
        .details =
            "Ends with status 1 if an accuracy differs.\n\nExample:\n  normact verify --score 17 --study "
            "demo.study.db\n",
        .run = run};
    return command;
}

}  // namespace normact::tools
