#include "tools/replay.h"

#include "results/study.h"
#include "search/replay.h"
#include "tools/candidates.h"
#include "tools/json_output.h"
#include "tools/output_file.h"
#include "tools/progress_line.h"
#include "tools/settings_argument.h"
#include "tools/study_argument.h"
#include "tools/table.h"
#include "tools/terminal.h"
#include "tools/text_file.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <numeric>

namespace normact::tools {
namespace {

using search::Estimate;
using search::EvolutionSettings;
using search::RecordedLayers;
using search::Replay;

constexpr std::int64_t most_seeds = 1'000'000;
constexpr std::int64_t most_evaluations = 10'000'000;
bool is_table(const std::string& place) {
    if (results::is_in_postgresql(place) || !std::filesystem::is_regular_file(place)) return false;
    return std::ifstream(place).peek() == '{';  // a study's file begins with SQLite's name
}

/// What is replayed, and how it was searched; of a table that is not known.
struct Recorded {
    RecordedLayers layers;
    EvolutionSettings evolution;
};

Recorded read_recorded(const std::string& place) {
    if (!is_table(place)) {
        const Study study = open_study(place);
        return {search::recorded_layers(*study.store, study.configuration), study.configuration.evolution};
    }
    try {
        return {search::parse_table(read_text_file(place)), {}};
    } catch (const search::TableError& error) {
        throw UsageError(fmt::format("--replay {}: {}", place, error.what()));
    }
}

struct Method {
    std::string name;
    EvolutionSettings evolution;
    std::vector<Replay> runs;  ///< one a seed
};

/// What is asked for, and what it is compared with.
std::vector<Method> methods_of(const EvolutionSettings& asked, bool alone) {
    if (alone) return {{"these settings", asked, {}}};
    EvolutionSettings paper, random;
    paper.initial = random.initial = asked.initial;  // a head start is no gain
    random.random_share = 1;
    std::vector<Method> methods{
        {"these settings", asked, {}}, {"the paper's evolution", paper, {}}, {"random search", random, {}}};
    if (asked == paper) methods.erase(methods.begin());
    return methods;
}

/// What every method is run for.
struct Trials {
    std::uint64_t first_seed = 1;
    std::int64_t seeds = 0;
    std::int64_t evaluations = 0;
};

void run_all(std::vector<Method>& methods, const RecordedLayers& layers, const Trials& trials, int threads) {
    std::atomic<std::int64_t> done = 0;
    const auto all = static_cast<std::int64_t>(methods.size()) * trials.seeds;
    const ProgressLine line(
        [&](Seconds elapsed) { return fmt::format("{} · {} of {} replays", clock_text(elapsed), done.load(), all); });
    for (Method& method : methods) method.runs.resize(static_cast<std::size_t>(trials.seeds));
    const tbb::global_control allowed(tbb::global_control::max_allowed_parallelism, static_cast<std::size_t>(threads));
    tbb::task_arena arena(threads);
    arena.execute([&] {
        tbb::parallel_for(std::int64_t{0}, all, [&](std::int64_t i) {
            Method& method = methods[static_cast<std::size_t>(i / trials.seeds)];
            const auto run = static_cast<std::size_t>(i % trials.seeds);  // the same seeds for every method
            method.runs[run] = search::replay(layers, method.evolution, trials.first_seed + run, trials.evaluations);
            ++done;
        });
    });
}

/// One number a run.
template <class Number>
std::vector<double> over_runs(const Method& method, Number number) {
    std::vector<double> values;
    values.reserve(method.runs.size());
    for (const Replay& run : method.runs) values.push_back(number(run));
    return values;
}

/// The places in a run at which the best is told: after an eighth of it, a quarter, half, and all.
std::vector<std::size_t> moments_of_a_run(std::int64_t evaluations) {
    std::vector<std::size_t> moments;
    for (const double share : {0.125, 0.25, 0.5, 1.0}) {
        const auto after = std::max<std::int64_t>(1, std::llround(share * static_cast<double>(evaluations)));
        moments.push_back(static_cast<std::size_t>(after) - 1);
    }
    moments.erase(std::ranges::unique(moments).begin(), moments.end());
    return moments;
}

/// The best accuracy, averaged over the evaluations of a run: what is found early counts all along.
double average_of(const Replay& run) {
    return std::accumulate(run.best.begin(), run.best.end(), 0.0) / static_cast<double>(run.best.size());
}

/// The difference of the averages seed by seed.
Estimate gain(const Method& method, const Method& baseline) {
    std::vector<double> differences;
    for (std::size_t seed = 0; seed < method.runs.size(); ++seed)
        differences.push_back(average_of(method.runs[seed]) - average_of(baseline.runs[seed]));
    return search::estimate(differences);
}

double known_share(const Method& method) {
    const auto shares = over_runs(method, [](const Replay& run) { return run.known_share(); });
    return std::accumulate(shares.begin(), shares.end(), 0.0) / static_cast<double>(shares.size());
}

std::int64_t count_scored(const RecordedLayers& layers) {
    return std::ranges::count_if(layers.records, [](const auto& row) { return !row.second.accuracies.empty(); });
}

double best_recorded(const RecordedLayers& layers) {
    double best = 0;
    for (const auto& [fingerprint, record] : layers.records)
        if (!record.accuracies.empty())
            best = std::max(best, std::accumulate(record.accuracies.begin(), record.accuracies.end(), 0.0) /
                                      static_cast<double>(record.accuracies.size()));
    return best;
}

std::string with_interval(const Estimate& value) { return fmt::format("{:.4f} ±{:.4f}", value.mean, value.half_width); }

std::string for_people(const RecordedLayers& layers, const std::vector<Method>& methods, const Method& baseline,
                       const Trials& trials) {
    using enum Column::Side;
    std::vector<Column> columns{{"evolution"}};
    const auto moments = moments_of_a_run(trials.evaluations);
    for (const std::size_t moment : moments) columns.push_back({fmt::format("after {}", moment + 1), right});
    columns.insert(columns.end(), {{"on average", right}, {"gain over the paper's", right}, {"known", right}});
    std::vector<std::vector<std::string>> rows;
    bool exhausted = false;
    for (const Method& method : methods) {
        std::vector<std::string> row{method.name};
        for (const std::size_t moment : moments)
            row.push_back(with_interval(
                search::estimate(over_runs(method, [&](const Replay& run) { return run.best[moment]; }))));
        row.push_back(with_interval(search::estimate(over_runs(method, average_of))));
        const Estimate difference = gain(method, baseline);
        row.push_back(&method == &baseline ? ""
                                           : fmt::format("{:+.4f} ±{:.4f}", difference.mean, difference.half_width));
        row.push_back(fmt::format("{:.0f}%", 100 * known_share(method)));
        rows.push_back(std::move(row));
        exhausted |= std::ranges::any_of(method.runs, &Replay::exhausted);
    }
    std::string text = fmt::format(
        "{} recorded layers, {} of them scored, the best {}. {} seeds, {} evaluations each.\n"
        "Best mean accuracy, with 95% intervals over the seeds; on average over the run; the gain is paired by "
        "seed.\n\n{}",
        layers.records.size(), count_scored(layers), accuracy_text(best_recorded(layers)), trials.seeds,
        trials.evaluations, aligned(columns, rows));
    if (exhausted) text += "\nSome runs met no new record any more before the end: ask for fewer --evaluations.\n";
    if (std::ranges::any_of(methods, [](const Method& method) { return known_share(method) < 0.9; }))
        text +=
            "\n'known' is the share of the valid candidates that the records hold; others are passed over. Where it is "
            "small,\nthe replay is of a search that may only propose what was recorded.\n";
    return text;
}

nlohmann::ordered_json to_json(const Estimate& value) {
    return {{"mean", value.mean}, {"half_width", value.half_width}};
}

nlohmann::ordered_json for_programs(const RecordedLayers& layers, const std::vector<Method>& methods,
                                    const Method& baseline, const Trials& trials) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const Method& method : methods) {
        search::Configuration configuration;
        configuration.evolution = method.evolution;
        nlohmann::ordered_json best = nlohmann::ordered_json::array();
        for (const std::size_t index : moments_of_a_run(trials.evaluations)) {
            nlohmann::ordered_json row{{"evaluations", index + 1}};
            row.update(
                to_json(search::estimate(over_runs(method, [&](const Replay& run) { return run.best[index]; }))));
            best.push_back(std::move(row));
        }
        list.push_back({{"name", method.name},
                        {"evolution", nlohmann::ordered_json::parse(search::to_json(configuration)).at("evolution")},
                        {"best", best},
                        {"average", to_json(search::estimate(over_runs(method, average_of)))},
                        {"averages", over_runs(method, average_of)},
                        {"gain", to_json(gain(method, baseline))},
                        {"known", known_share(method)},
                        {"exhausted", std::ranges::count_if(method.runs, &Replay::exhausted)}});
    }
    return {{"format", "normact/replay"},
            {"version", 1},
            {"tasks", layers.tasks},
            {"records", layers.records.size()},
            {"scored", count_scored(layers)},
            {"best", best_recorded(layers)},
            {"first_seed", trials.first_seed},
            {"seeds", trials.seeds},
            {"evaluations", trials.evaluations},
            {"methods", list}};
}

/// Space and scores are those of the records: a setting of theirs would change nothing.
void refuse_other_settings(const Arguments& arguments) {
    for (const std::string& assignment : arguments.texts("set")) {
        const std::string key = assignment.substr(0, assignment.find('='));
        if (key != "seed" && !key.starts_with("evolution."))
            throw UsageError(fmt::format(
                "--set {}: in a replay only evolution.* and seed count; all else is as it was recorded", assignment));
    }
}

}  // namespace

std::vector<Option> replay_options() {
    return {{"replay",
             "PLACE",
             "search recorded layers without training: a study, by its own evolution, or a table of layers; of "
             "--preset and --config only "
             "evolution and seed count, and --set takes no other settings",
             {}},
            {"seeds", "N", "with --replay: how many runs (default: 100)", {}},
            {"evaluations", "N", "with --replay: of each run (default: half of the records, at most 1000)", {}},
            {"alone", "", "with --replay: these settings alone, without what they are compared with", {}},
            {"save-table", "FILE", "with --replay: write the records as a table, and do nothing else", {}}};
}

int replay(const Arguments& arguments) {
    if (arguments.has("study"))
        throw UsageError("--replay makes no study; leave --study out, and name what is replayed: --replay PLACE");
    refuse_other_settings(arguments);
    const auto [layers, evolution] = read_recorded(arguments.text("replay"));
    search::Configuration otherwise;
    otherwise.evolution = evolution;
    const search::Configuration asked = read_settings(arguments, otherwise);
    if (layers.records.empty())
        throw UsageError(fmt::format("{} holds no evaluated layer to replay", arguments.text("replay")));
    if (arguments.has("save-table")) {
        replace_text_file(arguments.text("save-table"), search::to_table(layers));
        return fine;
    }
    const auto records = static_cast<std::int64_t>(layers.records.size()),
               half = std::max<std::int64_t>(1, records / 2);
    const Trials trials{.first_seed = asked.seed,
                        .seeds = arguments.has("seeds") ? arguments.number("seeds", 2, most_seeds) : 100,
                        .evaluations = arguments.has("evaluations")
                                           ? arguments.number("evaluations", 1, most_evaluations)
                                           : std::min<std::int64_t>(half, 1000)};
    if (trials.evaluations > records)
        throw UsageError(
            fmt::format("--evaluations {}: there are {} records to look at, and a run that is to meet all of "
                        "them takes long. Ask for half as many",
                        trials.evaluations, records));
    std::vector<Method> methods = methods_of(asked.evolution, arguments.has("alone"));
    run_all(methods, layers, trials, read_threads(arguments));
    // The paper's evolution; alone, there is nothing to gain over.
    const Method& baseline = methods[methods.size() > 1 ? methods.size() - 2 : 0];
    answer(arguments.has("json") ? printed(for_programs(layers, methods, baseline, trials))
                                 : for_people(layers, methods, baseline, trials));
    return fine;
}

}  // namespace normact::tools
