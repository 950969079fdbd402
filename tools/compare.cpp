// normact compare: trains named layers side by side under the same settings.

#include "primitives/canonical.h"
#include "primitives/text.h"
#include "tools/candidates.h"
#include "tools/command.h"
#include "tools/comparison.h"
#include "tools/file_lock.h"
#include "tools/invocation.h"
#include "tools/json_output.h"
#include "tools/layer_argument.h"
#include "tools/progress_line.h"
#include "tools/score_candidate.h"
#include "tools/settings_argument.h"
#include "tools/stop_on_signals.h"
#include "tools/study_argument.h"
#include "tools/table.h"
#include "tools/terminal.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <atomic>
#include <exception>
#include <filesystem>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <unistd.h>

namespace normact::tools {
namespace {

/// One training to do.
struct Job {
    primitives::Layer layer;
    Training training;
};

/// Does the jobs, as many at once as there are threads, and keeps what is finished.
class Trainer {
  public:
    Trainer(Comparison& comparison, std::vector<Job> jobs, std::string output)
        : comparison_(comparison), jobs_(std::move(jobs)), output_(std::move(output)), done_(jobs_.size()) {}

    /// Throws what an evaluation throws, but Stopped.
    void run(const proxy_tasks::Scorer& scorer, int threads, const std::stop_token& stop) {
        ProgressLine line([this](Seconds elapsed) { return progress(elapsed); });
        {
            std::vector<std::jthread> workers;
            for (int i = 0; i < std::min(threads, static_cast<int>(jobs_.size())); ++i) {
                workers.emplace_back([&] { work(scorer, stop, line); });
            }
        }
        if (failure_) std::rethrow_exception(failure_);
    }

  private:
    void work(const proxy_tasks::Scorer& scorer, const std::stop_token& stop, ProgressLine& line) {
        try {
            for (std::size_t i = next_++; i < jobs_.size() && !stop.stop_requested(); i = next_++)
                train(i, scorer, stop, line);
        } catch (const proxy_tasks::Stopped&) {  // what is finished is kept
        } catch (...) {
            const std::scoped_lock lock(mutex_);
            failure_ = std::current_exception();
            next_ = jobs_.size();
        }
    }

    void train(std::size_t index, const proxy_tasks::Scorer& scorer, const std::stop_token& stop, ProgressLine& line) {
        const Job& job = jobs_[index];
        const auto anchors = static_cast<double>(comparison_.configuration.scoring.anchors.size());
        std::string stage;
        double finished_anchors = -1;
        const auto report = [&](const proxy_tasks::Progress& progress) {
            if (!progress.stage.starts_with("training")) return;
            if (progress.stage != stage) finished_anchors += 1;
            stage = progress.stage;
            done_[index] =
                (finished_anchors + static_cast<double>(progress.step) / std::max(1, progress.steps)) / anchors;
        };
        const int replicate = job.training.replicate;
        const auto outcome = score_replicate(scorer, comparison_.configuration, job.layer, replicate, stop, report);
        done_[index] = 1;
        std::string scores;
        for (const auto& score : outcome.scores) {
            scores += fmt::format("  {} {}", anchor_of(score.task), accuracy_text(score.accuracy));
        }
        line.print(fmt::format("{:>7}  {}, seed {}: {}{}", clock_text(line.elapsed()), job.layer.name, replicate,
                               accuracy_text(results::mean_accuracy(outcome.scores).value_or(0)), scores));
        const std::scoped_lock lock(mutex_);
        comparison_.finished[job.training] = outcome.scores;
        if (!output_.empty()) save(comparison_, output_);
    }

    std::string progress(Seconds elapsed) const {
        double done = 0;
        for (const auto& share : done_) done += share;
        std::string text = clock_text(elapsed);
        if (done > 0)
            text += fmt::format(", {} left", clock_text(elapsed * ((static_cast<double>(jobs_.size()) - done) / done)));
        return text + fmt::format(" · {:.1f} of {} trainings", done, jobs_.size());
    }

    Comparison& comparison_;
    std::vector<Job> jobs_;
    std::string output_;
    std::vector<std::atomic<double>> done_;  ///< share of each job
    std::atomic<std::size_t> next_ = 0;
    std::mutex mutex_;  ///< guards comparison_, the output and failure_
    std::exception_ptr failure_;
};

search::Configuration configuration_of(const Arguments& arguments) {
    if (arguments.has("study") && names_settings(arguments)) {
        throw UsageError(
            "--study takes the study's settings; leave out --preset and --config, or change one setting with --set");
    }
    return read_settings(
        arguments, arguments.has("study") ? open_study(arguments.text("study")).configuration : search::preset("demo"));
}

/// What is to be trained: each layer's first replicate first, so that a table is soon there.
std::vector<Job> open_jobs(const Comparison& comparison, const std::vector<primitives::Layer>& layers, int seeds) {
    std::vector<Job> jobs;
    std::set<Training> planned;
    for (int replicate = 0; replicate < seeds; ++replicate) {
        for (const primitives::Layer& layer : layers) {
            const primitives::LayerGraph graph = primitives::canonical(layer.graph);
            const Training training{primitives::hash_canonical(graph), layer.settings, replicate};
            if (comparison.finished.contains(training) || !planned.insert(training).second) continue;
            jobs.push_back({{layer.name, graph, layer.settings}, training});
        }
    }
    return jobs;
}

/// The file itself where --output names a link to it: two names of one file have one lock, and links stay links.
std::string output_file(const Arguments& arguments) {
    namespace fs = std::filesystem;
    std::string path = arguments.text("output");
    std::error_code error;
    if (fs::is_symlink(fs::symlink_status(path, error))) {
        const fs::path file = fs::canonical(path, error);
        if (error) throw UsageError(fmt::format("--output {} is a link that leads nowhere: {}", path, error.message()));
        path = file.string();
    }
    if (fs::exists(fs::status(path, error)) && !fs::is_regular_file(path, error)) {
        throw UsageError(fmt::format("--output {} is not a file", path));
    }
    return path;
}

std::string estimate_text(const std::optional<Estimate>& estimate) {
    if (!estimate) return "-";
    const std::string error = estimate->standard_error ? fmt::format(" ±{:.4f}", *estimate->standard_error) : "";
    return accuracy_text(estimate->mean) + error;
}

/// Best first; layers without a score last.
std::string comparison_table(const Comparison& comparison, std::optional<std::size_t> width) {
    const std::vector<std::string> tasks = search::tasks_of(comparison.configuration.scoring);
    std::vector<Column> layout{{"layer", Column::Side::left}, {"mean", Column::Side::left}};
    for (const std::string& task : tasks) layout.push_back({anchor_of(task), Column::Side::left});
    layout.push_back({"text form", Column::Side::left});
    std::vector<std::pair<double, std::vector<std::string>>> rows;
    for (const ComparedLayer& layer : comparison.layers) {
        const auto mean = overall(comparison, layer);
        std::vector<std::string> row{clipped(layer.name, 40), estimate_text(mean)};
        for (const std::string& task : tasks) row.push_back(estimate_text(on_task(comparison, layer, task)));
        row.push_back(layer.text);
        rows.emplace_back(mean ? mean->mean : -1, std::move(row));
    }
    std::ranges::stable_sort(rows, std::ranges::greater(), [](const auto& row) { return row.first; });
    std::vector<std::vector<std::string>> cells;
    cells.reserve(rows.size());
    for (auto& row : rows) cells.push_back(std::move(row.second));
    return aligned(layout, cells, width);
}

int run(const Arguments& arguments) {
    StopOnSignals signals([] { tell("\nStopping. Once more ends at once.\n"); });
    const int seeds = static_cast<int>(arguments.number("seeds", 1, most_seeds));
    Comparison comparison;
    comparison.seeds = seeds;
    comparison.configuration = configuration_of(arguments);
    std::vector<primitives::Layer> layers;
    for (const std::string& word : arguments.operands()) {
        layers.push_back(trained_layer(read_layer(word, arguments), comparison.configuration.scoring));
        const auto& [name, graph, settings] = layers.back();
        comparison.layers.push_back({name, primitives::to_text(graph), primitives::hash(graph), settings});
    }
    const std::string output = output_file(arguments);
    std::optional<FileLock> lock;  // two that write one file would lose each other's scores
    if (!output.empty()) lock.emplace(output);
    if (!output.empty() && std::filesystem::exists(output)) take_over(comparison, output);
    std::vector<Job> jobs = open_jobs(comparison, layers, seeds);
    if (!jobs.empty()) {
        const proxy_tasks::Scorer scorer = make_scorer(comparison.configuration.scoring);
        if (!output.empty()) save(comparison, output);  // what can't be written is known before hours of training
        Trainer(comparison, std::move(jobs), output).run(scorer, read_threads(arguments), signals.token());
    }
    answer(arguments.has("json") ? printed(to_json(comparison))
                                 : comparison_table(comparison, terminal_width(STDOUT_FILENO)));
    if (signals.signal() == 0) return fine;
    tell(output.empty() ? "Stopped. With --output FILE it could be gone on with.\n"
                        : "Stopped. The same command goes on with the rest.\n");
    return 128 + signals.signal();
}

std::vector<Option> options() {
    std::vector<Option> list = settings_options();
    list.insert(list.begin(), {"seeds", "N", "how often each layer is trained, with other random numbers", "1"});
    list.push_back(study_option("take the settings of this study, and candidates by their ids"));
    list.push_back({"output", "FILE", "keep finished scores in this JSON file, and go on with it if it is there", {}});
    list.push_back({"json", "", "print JSON, see docs/commands.md", {}});
    return list;
}

}  // namespace

const Command& compare_command() {
    constexpr std::size_t most_layers = 1000;
    static const Command command{
        .name = "compare",
        .summary = "Train layers side by side and tell their accuracies, with standard errors over the seeds.",
        .operands = "LAYER...",
        .least_operands = 1,
        .most_operands = most_layers,
        .options = options(),
        .details =
            "Examples:\n  normact compare BN-ReLU EvoNorm-B0 EvoNorm-S0 GN-ReLU --preset laptop-s --seeds 2\n"
            "  normact compare 17 BN-ReLU --study demo.study.db\n\n" +
            layer_help(),
        .run = run};
    return command;
}

}  // namespace normact::tools
