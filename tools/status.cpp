// normact status: how a study is getting on.

#include "primitives/text.h"
#include "tools/candidates.h"
#include "tools/command.h"
#include "tools/duration.h"
#include "tools/filter_audit.h"
#include "tools/invocation.h"
#include "tools/json_output.h"
#include "tools/prometheus.h"
#include "tools/study_argument.h"
#include "tools/table.h"
#include "tools/terminal.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <optional>

namespace normact::tools {
namespace {

constexpr std::chrono::hours window(1);
constexpr int quarantined_shown = 10;

StudyStatus status_of(const Study& study) {
    results::Store& store = *study.store;
    StudyStatus status;
    status.funnel = store.funnel();
    // A worker that gave no sign of life for two leases is no more.
    status.workers = store.workers(std::chrono::seconds(2 * study.configuration.lease_seconds));
    status.finished_last_hour = store.finished_within(window);
    status.quarantined = store.quarantined(quarantined_shown);
    return status;
}

/// Until the study's budget of counts is reached, at the pace of the last hour; nothing if it can't be told.
std::optional<Seconds> time_left(const Study& study, const StudyStatus& status) {
    const results::Funnel& funnel = status.funnel;
    const std::int64_t evaluated = funnel.quality + funnel.stability + funnel.scored;
    std::optional<Seconds> left;
    const auto consider = [&](std::int64_t count, std::int64_t goal) {
        if (goal <= 0 || status.finished_last_hour == 0 || count == 0) return;
        const double share = static_cast<double>(count) / static_cast<double>(evaluated);
        const double an_hour = share * static_cast<double>(status.finished_last_hour);
        const Seconds time(3600 * static_cast<double>(std::max<std::int64_t>(goal - count, 0)) / an_hour);
        left = std::min(left.value_or(time), time);
    };
    consider(funnel.scored, study.configuration.budget.scored);
    consider(funnel.proposed, study.configuration.budget.proposed);
    return left;
}

std::string work_text(const results::WorkerStatus& worker) {
    if (!worker.refused.empty()) return "refused: " + printable(worker.refused);
    std::string text;
    for (const auto& claim : worker.claims) {
        text += fmt::format("{}#{}", text.empty() ? "" : ", ", claim.candidate);
        if (!claim.progress.stage.empty())
            text +=
                fmt::format(" {} {}/{}", printable(claim.progress.stage), claim.progress.step, claim.progress.steps);
    }
    return text.empty() ? "-" : text;
}

std::string workers_table(const StudyStatus& status) {
    if (status.workers.empty()) return "No worker is at work.\n";
    std::vector<std::vector<std::string>> rows;
    rows.reserve(status.workers.size());
    for (const results::WorkerStatus& worker : status.workers)
        rows.push_back({fmt::to_string(worker.id), printable(worker.worker.host), printable(worker.worker.engine),
                        clock_text(worker.age), clock_text(worker.seen), fmt::to_string(worker.evaluated),
                        work_text(worker)});
    using enum Column::Side;
    return aligned(
        {{"worker", right}, {"host"}, {"engine"}, {"age", right}, {"seen", right}, {"done", right}, {"at work on"}},
        rows);
}

std::string indented(std::string text) {
    for (auto at = text.find('\n'); at != std::string::npos; at = text.find('\n', at + 1)) text.insert(at + 1, "  ");
    return text;
}

std::string for_people(const Study& study, const StudyStatus& status) {
    std::string text = fmt::format("{}\n{}\n{} evaluated in the last hour", printable(study.path),
                                   funnel_text(status.funnel), status.finished_last_hour);
    if (const auto left = time_left(study, status))
        text += fmt::format("; {} until the budget is reached", duration_text(*left));
    text += "\n\n" + workers_table(status);
    if (const std::string audit = audit_text(results::judge_filters(*study.store)); !audit.empty())
        text += "\n" + audit;
    for (const results::Candidate& candidate : status.quarantined)
        text += fmt::format("\nquarantined  #{}  {}\n  {}", candidate.id, primitives::to_text(candidate.graph),
                            indented(printable_lines(candidate.outcome.reason)));
    return text + (status.quarantined.empty() ? "" : "\n");
}

nlohmann::ordered_json worker_document(const results::WorkerStatus& worker) {
    nlohmann::ordered_json claims = nlohmann::ordered_json::array();
    for (const auto& claim : worker.claims)
        claims.push_back({{"candidate", claim.candidate},
                          {"stage", claim.progress.stage},
                          {"step", claim.progress.step},
                          {"steps", claim.progress.steps}});
    return {{"worker", worker.id},
            {"host", worker.worker.host},
            {"process", worker.worker.process},
            {"device", worker.worker.device},
            {"engine", worker.worker.engine},
            {"build", worker.worker.build},
            {"age_seconds", worker.age.count()},
            {"seen_seconds_ago", worker.seen.count()},
            {"evaluated", worker.evaluated},
            {"refused", worker.refused},
            {"claims", std::move(claims)}};
}

nlohmann::ordered_json for_programs(const Study& study, const StudyStatus& status) {
    nlohmann::ordered_json document{{"format", "normact/status"}, {"version", 1}, {"study", study.path}};
    document["funnel"] = to_json(status.funnel);
    document["evaluated_last_hour"] = status.finished_last_hour;
    document["audit"] = to_json(results::judge_filters(*study.store));
    const auto left = time_left(study, status);
    document["seconds_left"] = left ? nlohmann::ordered_json(left->count()) : nlohmann::ordered_json();
    document["workers"] = nlohmann::ordered_json::array();
    for (const auto& worker : status.workers) document["workers"].push_back(worker_document(worker));
    document["quarantined"] = nlohmann::ordered_json::array();
    for (const auto& candidate : status.quarantined)
        document["quarantined"].push_back(to_json(candidate, study.configuration.scoring.layer));
    return document;
}

int run(const Arguments& arguments) {
    if (arguments.has("json") && arguments.has("prometheus"))
        throw UsageError("--json and --prometheus are two forms of the same; give one of them");
    const Study study = open_study(existing_study(arguments));
    const StudyStatus status = status_of(study);
    if (arguments.has("json"))
        answer(printed(for_programs(study, status)));
    else
        answer(arguments.has("prometheus") ? prometheus_text(study.path, status) : for_people(study, status));
    return fine;
}

}  // namespace

const Command& status_command() {
    static const Command command{
        .name = "status",
        .summary = "How a study is getting on: its workers, what they are at, the pace, and quarantined layers.",
        .options = {study_option("the study (default: the only one in this folder)"),
                    {"json", "", "print JSON, see docs/commands.md", {}},
                    {"prometheus", "", "print metrics in Prometheus' text format", {}}},
        .details = "Example:\n  normact status --study postgresql://me@db.example/lab#first\n",
        .run = run};
    return command;
}

}  // namespace normact::tools
