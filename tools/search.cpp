// normact search: starts a study on this machine, or goes on with it.

#include "results/study.h"
#include "tools/canary.h"
#include "tools/candidates.h"
#include "tools/command.h"
#include "tools/configuration_difference.h"
#include "tools/filter_audit.h"
#include "tools/invocation.h"
#include "tools/json_output.h"
#include "tools/replay.h"
#include "tools/score_candidate.h"
#include "tools/settings_argument.h"
#include "tools/stop_on_signals.h"
#include "tools/study_argument.h"
#include "tools/study_work.h"
#include "tools/table.h"
#include "tools/terminal.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <unistd.h>

namespace normact::tools {
namespace {

constexpr const char* default_preset = "demo";
constexpr int layers_at_the_end = 10;

/// What one run of the command does.
struct Plan {
    std::string path;
    search::Configuration configuration;  ///< the study's, with the budget of this run
    search::Budget stored_budget;         ///< the study's own
    bool resumes = false;
    int threads = 1;
};

/// --study, else a name after the preset or the configuration file, in the working folder.
std::string study_path(const Arguments& arguments) {
    if (arguments.has("study")) return arguments.text("study");
    std::string name = arguments.has("preset") ? arguments.text("preset") : default_preset;
    if (arguments.has("config")) name = std::filesystem::path(arguments.text("config")).stem().string();
    return name + std::string(study_ending);
}

std::string settings_clash(const std::string& path, const std::vector<Difference>& clashes) {
    constexpr std::size_t shown = 8;
    std::string text = fmt::format("{} was made with other settings, and nothing was changed in it:\n", path);
    for (std::size_t i = 0; i < clashes.size() && i < shown; ++i) {
        text += fmt::format("  {}: {} there, {} asked for\n", clashes[i].key, clashes[i].first, clashes[i].second);
    }
    if (clashes.size() > shown) text += fmt::format("  and {} more\n", clashes.size() - shown);
    return text + fmt::format("Go on with its own settings: {}\nOr name another file with --study.",
                              command_line({"search", "--study", path}));
}

/// A study's own settings, after making sure that the options ask for no others. Only the budget may change.
Plan resumed(const std::string& path, const Arguments& arguments) {
    const search::Configuration stored = open_study(path).configuration;
    const search::Configuration wanted = read_settings(arguments, stored);
    const std::vector<Difference> clashes = differences(stored, wanted);
    if (!clashes.empty()) throw UsageError(settings_clash(path, clashes));
    Plan plan{path, stored, stored.budget, true, read_threads(arguments)};
    if (arguments.has("config")) plan.configuration.budget = wanted.budget;
    for (const std::string& assignment : arguments.texts("set")) {
        if (assignment.starts_with("budget")) search::set(plan.configuration, assignment);
    }
    return plan;
}

Plan read_plan(const Arguments& arguments) {
    const std::string path = study_path(arguments);
    if (results::study_exists(path)) return resumed(path, arguments);
    const search::Configuration configuration = read_settings(arguments, search::preset(default_preset));
    return {path, configuration, configuration.budget, false, read_threads(arguments)};
}

/// Makes the study unless it is there. Another process may have been faster: then its settings must be these.
void make_study(Plan& plan, const Arguments& arguments) {
    if (plan.resumes) return;
    try {
        results::create_study(plan.path, search::to_json(plan.configuration));
    } catch (const results::StoreError&) {
        if (!results::study_exists(plan.path)) throw;
        plan = resumed(plan.path, arguments);
    }
}

/// The command that goes on with the study, with this budget.
std::string resume_command(const Plan& plan, const search::Budget& budget, const Arguments& arguments) {
    std::vector<std::string> words{"search", "--study", plan.path};
    const auto set = [&words](const std::string& key, auto value, auto stored) {
        if (value != stored) words.insert(words.end(), {"--set", fmt::format("budget.{}={}", key, value)});
    };
    set("minutes", budget.minutes, plan.stored_budget.minutes);
    set("scored", budget.scored, plan.stored_budget.scored);
    set("proposed", budget.proposed, plan.stored_budget.proposed);
    if (arguments.has("threads")) words.insert(words.end(), {"--threads", arguments.text("threads")});
    return command_line(words);
}

/// A budget that leaves something to do: twice the counts that the study has reached.
search::Budget larger_budget(search::Budget budget, const results::Funnel& funnel) {
    if (budget.scored > 0 && funnel.scored >= budget.scored) budget.scored = 2 * funnel.scored;
    if (budget.proposed > 0 && funnel.proposed >= budget.proposed) budget.proposed = 2 * funnel.proposed;
    return budget;
}

std::string pace_text(const results::Funnel& start, const results::Funnel& end, Seconds elapsed) {
    const std::int64_t proposed = end.proposed - start.proposed;
    const std::int64_t scored = end.scored - start.scored;
    return fmt::format("in {}: {} candidates ({} an hour), {} scored ({} an hour)", clock_text(elapsed), proposed,
                       count_per_hour(proposed, elapsed), scored, count_per_hour(scored, elapsed));
}

/// The commands that make sense after a search, with what they do.
std::string next_commands(const Plan& plan, const std::vector<results::Candidate>& best, const std::string& resume) {
    std::vector<std::vector<std::string>> rows;
    if (!best.empty()) {
        const std::string id = fmt::to_string(best.front().id);
        std::vector<std::string> compare{"compare", id};
        for (const char* known : {"BN-ReLU", "EvoNorm-S0"})
            if (best.front().origin != known) compare.emplace_back(known);  // it may have won itself
        compare.insert(compare.end(), {"--seeds", "3", "--study", plan.path});
        rows = {{command_line({"show", id, "--study", plan.path}), "look at the best layer"},
                {command_line(compare), "train it beside known layers"},
                {command_line({"verify", "--score", id, "--study", plan.path}), "train it again, to the last bit"}};
    }
    rows.push_back({resume, "go on searching"});
    return aligned({{"Next:"}, {""}}, rows);
}

/// What a run found, for people.
std::string for_people(const Plan& plan, const Study& study, const Run& run, const Arguments& arguments) {
    const auto best = study.store->best(layers_at_the_end);
    const results::Funnel funnel = study.store->funnel();
    const std::string table = best.empty()
                                  ? "No layer has passed the filters yet.\n"
                                  : best_table(best, plan.configuration.evolution.cost, terminal_width(STDOUT_FILENO));
    const std::string resume = resume_command(plan, larger_budget(plan.configuration.budget, funnel), arguments);
    const std::string audit = audit_text(results::judge_filters(*study.store));
    return fmt::format("{}\n{}\n{}\n{}\n{}", table, funnel_text(funnel), pace_text(run.start, funnel, run.elapsed),
                       audit.empty() ? "" : audit + "\n", next_commands(plan, best, resume));
}

/// The same for programs.
std::string for_programs(const Study& study, const Run& run) {
    nlohmann::ordered_json document = best_document("normact/search", study, layers_at_the_end);
    document["budget_reached"] = run.budget_reached;
    document["seconds"] = run.elapsed.count();
    return printed(document);
}

int run(const Arguments& arguments) {
    if (arguments.has("replay")) return replay(arguments);
    for (const Option& option : replay_options())
        if (arguments.has(option.name)) throw UsageError(fmt::format("--{} needs --replay", option.name));
    StopOnSignals signals([] { tell("\nStopping: unfinished evaluations are given back. Once more ends at once.\n"); });
    Plan plan = read_plan(arguments);
    const proxy_tasks::Scorer scorer =
        make_scorer(plan.configuration.scoring);  // before the study is made: data may be missing
    make_study(plan, arguments);
    const std::string resume = resume_command(plan, plan.configuration.budget, arguments);
    if (plan.resumes && results::is_in_postgresql(plan.path))  // it is one worker among others
        repeat_known_score(*open_patiently(plan.path, signals.token()), plan.configuration, scorer, signals.token());
    const Run run = work({.study = plan.path,
                          .configuration = plan.configuration,
                          .threads = plan.threads,
                          .status = plan.resumes ? "goes on" : "new",
                          .resume = resume},
                         scorer, signals.token());
    const Study study = open_study(plan.path);
    answer(arguments.has("json") ? for_programs(study, run) : for_people(plan, study, run, arguments));
    if (signals.signal() == 0) return fine;
    tell(fmt::format("Stopped. Go on with: {}\n", resume));
    return 128 + signals.signal();
}

std::vector<Option> options() {
    std::vector<Option> list{
        study_option("the study's file; one that exists is gone on with (default: PRESET.study.db)")};
    for (Option& option : settings_options()) list.push_back(std::move(option));
    for (Option& option : replay_options()) list.push_back(std::move(option));
    list.push_back({"json", "", "print JSON at the end, see docs/commands.md", {}});
    return list;
}

}  // namespace

const Command& search_command() {
    static const Command command{
        .name = "search",
        .summary = "Search for layers: start a study on this machine, or go on with it.",
        .options = options(),
        .details =
            "Without options: preset demo on Fashion-MNIST, a few minutes, in demo.study.db.\n"
            "A study keeps its settings; only its budget (--set budget.minutes=60) may be another when it goes on.\n"
            "Stopped by a signal, it gives back what it was working on and ends with status 128 + the signal.\n\n"
            "Examples:\n  normact search\n  normact search --preset laptop-s --study s.study.db --set "
            "budget.minutes=60\n  normact search --replay s.study.db --set evolution.window=100\n",
        .run = run};
    return command;
}

}  // namespace normact::tools
