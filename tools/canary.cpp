#include "tools/canary.h"

#include "tools/candidates.h"
#include "tools/duration.h"
#include "tools/progress_line.h"
#include "tools/score_candidate.h"
#include "tools/terminal.h"
#include "tools/worker_description.h"

#include <fmt/format.h>

#include <stdexcept>
#include <string>

namespace normact::tools {
namespace {

std::string accuracies_text(const proxy_tasks::Outcome& outcome) {
    std::string text;
    for (const proxy_tasks::Score& score : outcome.scores)
        text += fmt::format("{}{} {}", text.empty() ? "" : ", ", anchor_of(score.task), score.accuracy);
    return outcome.scores.empty() ? printable(outcome.reason) : text;
}

}  // namespace

void repeat_known_score(results::Store& store, const search::Configuration& configuration,
                        const proxy_tasks::Scorer& scorer, const std::stop_token& stop) {
    const results::Worker worker = describe_worker(configuration.scoring.engine);
    const auto canary = store.canary(worker);
    if (!canary) {
        tell("canary  no score by a worker of this engine, device and build yet: nothing to repeat\n");
        return;
    }
    const ProgressLine line([&](Seconds elapsed) {
        return fmt::format("{} · repeating candidate {}, which worker {} scored", clock_text(elapsed),
                           canary->candidate.id, canary->found_by);
    });
    const proxy_tasks::Outcome again = score_candidate(scorer, configuration, canary->candidate.graph, stop);
    if (identical(canary->candidate.outcome, again)) return;
    const std::string reason =
        fmt::format("candidate {}, scored by worker {}, came out as {} instead of {}", canary->candidate.id,
                    canary->found_by, accuracies_text(again), accuracies_text(canary->candidate.outcome));
    store.refuse(store.add_worker(worker), reason);
    throw std::runtime_error(
        fmt::format("this worker is refused: {}. This machine or the other one computes wrongly, or their processors "
                    "differ. Look for the faulty one (normact verify --score {}), and take back what it found: "
                    "normact study invalidate",
                    reason, canary->candidate.id));
}

}  // namespace normact::tools
