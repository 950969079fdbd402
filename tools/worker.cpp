// normact worker: works for a study that is there, until its budget is reached or the worker is told to stop.

#include "results/store.h"
#include "tools/canary.h"
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

int run(const Arguments& arguments) {
    StopOnSignals signals([] { tell("\nStopping: unfinished evaluations are given back. Once more ends at once.\n"); });
    if (!arguments.has("study"))
        throw UsageError("--study is missing: the study to work for, as in --study postgresql://host/database#name");
    const std::string study = arguments.text("study");
    const std::int64_t status_when_stopped =
        arguments.has("status-when-stopped") ? arguments.number("status-when-stopped", 0, 255) : std::int64_t{fine};
    WorkPlan plan{.study = study,
                  .configuration = {},
                  .threads = read_threads(arguments),
                  .status = "a worker for it",
                  .resume = command_line({"worker", "--study", study})};
    try {
        auto store = open_patiently(study, signals.token());
        plan.configuration = configuration_of(study, *store);
        const proxy_tasks::Scorer scorer = make_scorer(plan.configuration.scoring);
        if (!arguments.has("no-canary")) repeat_known_score(*store, plan.configuration, scorer, signals.token());
        store.reset();  // a connection less
        const Run run = work(plan, scorer, signals.token());
        tell(fmt::format("{} after {}.\n", run.budget_reached ? "The study's budget is reached" : "Stopped",
                         duration_text(run.elapsed)));
    } catch (const proxy_tasks::Stopped&) {  // while the canary sang
    } catch (const results::StoreUnavailable&) {
        if (signals.signal() == 0) throw;
        tell("Stopped while the database was away: what this worker held returns when its leases run out.\n");
    }
    // Whoever starts workers takes another status for a failure, or wants one to start another worker.
    return signals.signal() == 0 ? fine : static_cast<int>(status_when_stopped);
}

}  // namespace

const Command& worker_command() {
    static const Command command{
        .name = "worker",
        .summary = "Work for a study, beside any number of other workers on any machines.",
        .options = {study_option("the study, in PostgreSQL or a file; `normact search` starts one"),
                    threads_option(),
                    {"no-canary", "", "begin without repeating a known score first", {}},
                    {"status-when-stopped", "N", "the exit status after a signal (default 0)", {}}},
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
