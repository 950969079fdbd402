#include "tools/study_work.h"

#include "results/patient_store.h"
#include "search/worker.h"
#include "tools/outages.h"
#include "tools/restart.h"
#include "tools/score_candidate.h"
#include "tools/search_progress.h"
#include "tools/terminal.h"
#include "tools/worker_description.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <atomic>
#include <utility>
#include <vector>

namespace normact::tools {
namespace {

std::string budget_text(const search::Budget& budget) {
    std::vector<std::string> limits;
    if (budget.minutes > 0) limits.push_back(fmt::format("{} minutes", budget.minutes));
    if (budget.scored > 0) limits.push_back(fmt::format("{} scored layers", budget.scored));
    if (budget.proposed > 0) limits.push_back(fmt::format("{} candidates", budget.proposed));
    return limits.empty() ? "until it is stopped" : fmt::format("{}", fmt::join(limits, " or "));
}

std::string heading(const WorkPlan& plan, const results::Worker& worker) {
    const proxy_tasks::ScoringSettings& scoring = plan.configuration.scoring;
    std::string text = fmt::format("study   {} ({})\n", printable(plan.study), plan.status);
    text +=
        fmt::format("task    {}, {} steps of batch {} in {}\n", printable(scoring.dataset.name), scoring.training.steps,
                    scoring.training.batch, printable(fmt::format("{}", fmt::join(scoring.anchors, ", "))));
    text += fmt::format("engine  {} on {}, {} at once\n", worker.engine, printable(worker.device), plan.threads);
    return text +
           fmt::format("budget  {}; Ctrl-C stops, the study is kept\n\n", budget_text(plan.configuration.budget));
}

/// Opens stores that share what they tell.
std::function<std::unique_ptr<results::Store>()> patient_opener(const std::string& study, const std::stop_token& stop) {
    auto open = [study] { return results::open_study(study); };
    if (!results::is_in_postgresql(study)) return open;
    const results::Patience waiting = patience(stop, "what is finished meanwhile is kept");
    const std::string identity = results::make_patient_store(open, waiting, nullptr)->identity();
    const auto undelivered = std::make_shared<results::Undelivered>(results::undelivered_folder(study, identity));
    return [=] { return results::make_patient_store(open, waiting, undelivered); };
}

void deliver(const std::string& study, results::Store& store) {
    if (!results::is_in_postgresql(study)) return;
    const results::Undelivered undelivered(results::undelivered_folder(study, store.identity()));
    const int count = undelivered.deliver(store, [](const auto& text) { tell(printable_lines(text) + "\n"); });
    if (count > 0) tell(fmt::format("{} outcomes from before, when the database was away, are recorded now.\n", count));
}

/// Only a new program has the device again. A layer that takes it away each time is quarantined after so many attempts;
/// if nothing is evaluated even then, the device itself is broken, and this returns.
void restart_unless_in_vain(const proxy_tasks::DeviceLost& error, bool evaluated_some, int maximum_attempts) {
    const int vain = evaluated_some ? 0 : vain_restarts() + 1;
    if (vain > maximum_attempts + 1) return;
    tell(fmt::format("\nnormact: {}\nStarting again; what was in flight is evaluated again, each layer alone.\n",
                     printable_lines(error.what())));
    restart(vain);
}

Run work_once(const WorkPlan& plan, const proxy_tasks::Scorer& scorer, const std::stop_token& stop,
              std::atomic<bool>& evaluated_some) {
    const auto open = patient_opener(plan.study, stop);
    const results::Worker worker = describe_worker(plan.configuration.scoring.engine);
    tell(heading(plan, worker));
    SearchProgress progress(plan.configuration.budget, open());
    const auto evaluate = [&](const search::Assignment& assignment, std::stop_token stop_one) {
        // What others failed at may take the device from its neighbours.
        const auto company = assignment.attempt > 1 ? proxy_tasks::Company::none : proxy_tasks::Company::welcome;
        return score_candidate(scorer, plan.configuration, assignment.candidate.graph, std::move(stop_one),
                               assignment.tell, company);
    };
    const search::Log log{.report =
                              [&](const search::Event& event) {
                                  using Kind = search::Event::Kind;
                                  if (event.kind == Kind::scored || event.kind == Kind::rejected) evaluated_some = true;
                                  progress.report(event);
                              },
                          .tail = [&] { return progress.recent(); }};
    const bool reached = search::work(plan.configuration, open, worker, plan.threads, evaluate, stop, log);
    return {progress.start(), progress.elapsed(), reached};
}

}  // namespace

std::unique_ptr<results::Store> open_patiently(const std::string& study, const std::stop_token& stop) {
    std::unique_ptr<results::Store> store = patient_opener(study, stop)();
    deliver(study, *store);
    return store;
}

Run work(const WorkPlan& plan, const proxy_tasks::Scorer& scorer, const std::stop_token& stop) {
    std::atomic<bool> evaluated_some = false;
    try {
        return work_once(plan, scorer, stop, evaluated_some);
    } catch (const proxy_tasks::DeviceLost& error) {
        if (stop.stop_requested()) throw;
        restart_unless_in_vain(error, evaluated_some, plan.configuration.maximum_attempts);
        throw std::runtime_error(
            fmt::format("{}\nThis has now happened again and again without an evaluation between. "
                        "See what `nvidia-smi` says, then go on with: {}",
                        error.what(), plan.resume));
    } catch (const results::StoreUnavailable& error) {
        if (stop.stop_requested()) throw;
        throw std::runtime_error(fmt::format("{}\nThen go on with: {}", error.what(), plan.resume));
    } catch (const results::StoreError& error) {  // says what is to be done first
        throw std::runtime_error(fmt::format("{}\nThen go on with: {}", error.what(), plan.resume));
    } catch (const std::exception& error) {
        throw std::runtime_error(fmt::format("{}\nWhat was scored is kept. Go on with: {}", error.what(), plan.resume));
    }
}

}  // namespace normact::tools
