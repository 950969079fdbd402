// normact study: what one does with whole studies.

#include "results/study.h"

#include "results/postgresql.h"
#include "results/study_copy.h"
#include "tools/candidates.h"
#include "tools/command.h"
#include "tools/filter_audit.h"
#include "tools/invocation.h"
#include "tools/json_output.h"
#include "tools/progress_line.h"
#include "tools/study_argument.h"
#include "tools/terminal.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <limits>

namespace normact::tools {
namespace {

std::string required_study(const Arguments& arguments) {
    if (arguments.has("study")) return arguments.text("study");
    throw UsageError("--study is missing: the study's file, or its place in PostgreSQL");
}

/// The places of all studies: in a database, or in the working folder.
std::vector<std::string> all_studies(const Arguments& arguments) {
    if (!arguments.has("study")) return studies_in_working_folder();
    if (results::is_in_postgresql(arguments.text("study"))) return results::postgresql_studies(arguments.text("study"));
    throw UsageError("list takes a database: --study postgresql://host/database; without it, it lists the files here");
}

int list(const Arguments& arguments) {
    const std::vector<std::string> places = all_studies(arguments);
    if (arguments.has("json")) {
        answer(printed({{"format", "normact/studies"}, {"version", 1}, {"studies", places}}));
        return fine;
    }
    for (const std::string& place : places) answer(printable(place) + "\n");
    if (places.empty()) tell("There are no studies. Start one with: normact search --study PLACE\n");
    return fine;
}

int info(const Arguments& arguments) {
    const Study study = open_study(existing_study(arguments));
    const results::Funnel funnel = study.store->funnel();
    const std::string configuration = study.store->configuration();
    if (arguments.has("json")) {
        nlohmann::ordered_json document = best_document("normact/study", study, 1);
        document["configuration"] = nlohmann::ordered_json::parse(configuration);
        answer(printed(document));
        return fine;
    }
    answer(fmt::format("{}\n{}\n{}{}\n", printable(study.path), funnel_text(funnel),
                       audit_text(results::judge_filters(*study.store)), printable_lines(configuration)));
    return fine;
}

int remove(const Arguments& arguments) {
    const std::string place = required_study(arguments);
    const Study study = open_study(place);
    if (!arguments.has("yes"))
        throw UsageError(fmt::format("{} holds {} candidates, {} of them scored. To delete it for good, add --yes",
                                     place, study.store->funnel().proposed, study.store->funnel().scored));
    const auto alive = study.store->workers(std::chrono::seconds(2 * study.configuration.lease_seconds));
    if (!alive.empty())
        throw std::runtime_error(
            fmt::format("workers at work for it: {}, the first on {}. Stop them, and delete the study when `normact "
                        "status` shows "
                        "none",
                        alive.size(), alive.front().worker.host));
    results::delete_study(place);
    answer(fmt::format("{} is deleted.\n", printable(place)));
    return fine;
}

int copy(const Arguments& arguments) {
    const std::string& from = arguments.operands().at(1);
    const std::string& to = arguments.operands().at(2);
    std::atomic<std::int64_t> copied = 0;
    {
        const ProgressLine line(
            [&](Seconds elapsed) { return fmt::format("{} · {} rows copied", clock_text(elapsed), copied.load()); });
        results::copy_study(from, to, [&copied](std::int64_t rows) { copied = rows; });
    }
    answer(fmt::format("{} is a copy of {}: {}\n", printable(to), printable(from),
                       funnel_text(open_study(to).store->funnel())));
    return fine;
}

int upgrade(const Arguments& arguments) {
    const std::string place = required_study(arguments);
    results::upgrade_study(place);
    answer(fmt::format("{} is up to date.\n", printable(place)));
    return fine;
}

results::Source read_source(const Arguments& arguments) {
    constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
    results::Source source;
    if (arguments.has("worker")) source.worker = arguments.number("worker", 1, most);
    if (arguments.has("host")) source.host = arguments.text("host");
    if (arguments.has("build")) source.build = arguments.text("build");
    if (std::ranges::count(std::array{source.worker.has_value(), source.host.has_value(), source.build.has_value()},
                           true) == 1)
        return source;
    throw UsageError(
        "invalidate needs one of --worker ID, --host NAME and --build TEXT; `normact status` shows those that are at "
        "work");
}

int invalidate(const Arguments& arguments) {
    const results::Source source = read_source(arguments);
    const Study study = open_study(existing_study(arguments));
    const results::TakenBack taken = study.store->invalidate(source);
    if (taken.workers == 0)
        throw std::runtime_error(
            fmt::format("no such worker was ever at work for {}: nothing is taken back", study.path));
    answer(fmt::format("{} evaluations{} are taken back and will be done again by other workers.\n{}\n",
                       taken.evaluations,
                       taken.trials > 0 ? fmt::format(" and {} trainings of re-evaluations", taken.trials) : "",
                       funnel_text(study.store->funnel())));
    return fine;
}

int retry(const Arguments& arguments) {
    const Study study = open_study(existing_study(arguments));
    const std::int64_t count = study.store->retry_quarantined();
    const std::int64_t trials = results::open_trials(study.path)->retry_quarantined();
    answer(fmt::format("{} quarantined layers are open again{}.\n{}\n", count,
                       trials > 0 ? fmt::format(", and {} trainings of re-evaluations", trials) : "",
                       funnel_text(study.store->funnel())));
    return fine;
}

struct Action {
    const char* name;
    std::size_t operands;
    int (*run)(const Arguments& arguments);
};
constexpr std::array actions{Action{"list", 0, list},       Action{"info", 0, info},
                             Action{"copy", 2, copy},       Action{"delete", 0, remove},
                             Action{"upgrade", 0, upgrade}, Action{"invalidate", 0, invalidate},
                             Action{"retry", 0, retry}};

int run(const Arguments& arguments) {
    const std::string& name = arguments.operands().front();
    for (const Action& action : actions) {
        if (action.name != name) continue;
        if (arguments.operands().size() == action.operands + 1) return action.run(arguments);
        throw UsageError(action.operands == 0
                             ? fmt::format("study {} takes no further words; name a study with --study", name)
                             : fmt::format("study {} takes two places: FROM and TO", name));
    }
    throw UsageError(
        fmt::format("there is no 'study {}'; there are list, info, copy, delete, upgrade, invalidate and retry", name));
}

}  // namespace

const Command& study_command() {
    static const Command command{
        .name = "study",
        .summary = "List, describe, copy, delete and upgrade studies, and take back faulty scores.",
        .operands = "list|info|copy FROM TO|delete|upgrade|invalidate|retry",
        .least_operands = 1,
        .most_operands = 3,
        .options = {study_option("the study; for list, the database (default: the files in this folder)"),
                    {"worker", "ID", "invalidate: what this worker found", {}},
                    {"host", "NAME", "invalidate: what the workers of this host found", {}},
                    {"build", "TEXT", "invalidate: what the workers of this build found", {}},
                    {"yes", "", "delete: without asking back", {}},
                    {"json", "", "list, info: print JSON, see docs/commands.md", {}}},
        .details =
            "copy moves a study between files and PostgreSQL, as it is at one moment. upgrade brings a study in "
            "PostgreSQL "
            "to this release, once no worker of an older one is at work. invalidate has layers evaluated anew, and "
            "retry those "
            "that were quarantined.\n\n"
            "Examples:\n  normact study list --study postgresql://me@db.example/lab\n"
            "  normact study copy laptop-s.study.db postgresql://me@db.example/lab#first\n"
            "  normact study invalidate --study laptop-s.study.db --worker 3\n",
        .run = run};
    return command;
}

}  // namespace normact::tools
