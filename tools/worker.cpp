// normact worker: works for a study that is there, until its budget is reached or the worker is told to stop.

#include "results/store.h"
#include "tools/candidates.h"
#include "tools/command.h"
#include "tools/duration.h"
#include "tools/invocation.h"
#include "tools/progress_line.h"
#include "tools/score_candidate.h"
#include "tools/settings_argument.h"
#include "tools/stop_on_signals.h"
#include "tools/study_argument.h"
#include "tools/study_work.h"
#include "tools/terminal.h"
#include "tools/worker_description.h"

#include <fmt/format.h>

namespace normact::tools {
namespace {

std::string accuracies_text(const proxy_tasks::Outcome& outcome) {
    std::string text;
    for (const proxy_tasks::Score& score : outcome.scores)
        text += fmt::format("{}{} {}", text.empty() ? "" : ", ", anchor_of(score.task), score.accuracy);
    return outcome.scores.empty() ? printable(outcome.reason) : text;
}

/// Repeats a known score before the worker may add any. Throws std::runtime_error if it is another one now: then the
/// study keeps a note of the refusal.
void sing(results::Store& store, const search::Configuration& configuration, const proxy_tasks::Scorer& scorer,
          const std::stop_token& stop) {
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

int run(const Arguments& arguments) {
    StopOnSignals signals([] { tell("\nStopping: unfinished evaluations are given back. Once more ends at once.\n"); });
    if (!arguments.has("study"))
        throw UsageError("--study is missing: the study to work for, as in --study postgresql://host/database#name");
    const std::string study = arguments.text("study");
    WorkPlan plan{.study = study,
                  .configuration = {},
                  .threads = read_threads(arguments),
                  .status = "a worker for it",
                  .resume = command_line({"worker", "--study", study})};
    try {
        auto store = open_patiently(study, signals.token());
        plan.configuration = configuration_of(study, *store);
        const proxy_tasks::Scorer scorer = make_scorer(plan.configuration.scoring);
        if (!arguments.has("no-canary")) sing(*store, plan.configuration, scorer, signals.token());
        store.reset();  // a connection less
        const Run run = work(plan, scorer, signals.token());
        tell(fmt::format("{} after {}.\n", run.budget_reached ? "The study's budget is reached" : "Stopped",
                         duration_text(run.elapsed)));
    } catch (const proxy_tasks::Stopped&) {  // while the canary sang
    } catch (const results::StoreUnavailable&) {
        if (signals.signal() == 0) throw;
        tell("Stopped while the database was away: what this worker held returns when its leases run out.\n");
    }
    return fine;  // also after a signal: whoever starts workers takes another status for a failure
}

}  // namespace

const Command& worker_command() {
    static const Command command{
        .name = "worker",
        .summary = "Work for a study, beside any number of other workers on any machines.",
        .options = {study_option("the study, in PostgreSQL or a file; `normact search` starts one"),
                    threads_option(),
                    {"no-canary", "", "begin without repeating a known score first", {}}},
        .details =
            "Proposes, claims, trains and records until the study's budget is reached. Interrupted (SIGTERM, Ctrl-C), "
            "it "
            "gives back what it was working on and ends with status 0. While the database is away it waits; what it "
            "finishes meanwhile is kept on disk and brought later.\n"
            "It begins by repeating a score of a worker with the same engine, device and build, and does not work if "
            "that comes out otherwise.\n\n"
            "Example:\n  normact worker --study postgresql://me@db.example/lab#first\n",
        .run = run};
    return command;
}

}  // namespace normact::tools
