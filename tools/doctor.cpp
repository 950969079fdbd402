// normact doctor: what this machine has and what it lacks for a search.

#include "evaluator/engine.h"
#include "primitives/catalogue.h"
#include "proxy_tasks/data_files.h"
#include "proxy_tasks/dataset.h"
#include "proxy_tasks/dataset_origin.h"
#include "search/configuration.h"
#include "tools/child_process.h"
#include "tools/command.h"
#include "tools/duration.h"
#include "tools/invocation.h"
#include "tools/json_output.h"
#include "tools/machine.h"
#include "tools/score_candidate.h"
#include "tools/terminal.h"
#include "tools/worker_description.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <sstream>

namespace normact::tools {
namespace {

/// What was found of one thing.
struct Finding {
    enum class State { there, lacking, broken };  ///< broken: a search can't run without it
    std::string subject;
    State state = State::there;
    std::string text;
    std::string advice;  ///< what to do about it; empty if nothing is to be done
};

constexpr double gibibyte = 1024.0 * 1024 * 1024;

Finding check_processor() {
    return {"processor",
            Finding::State::there,
            fmt::format("{}, {} cores, {}", processor_name(), available_cores(), fmt::join(vector_extensions(), " ")),
            {}};
}

Finding check_memory() {
    constexpr double a_core_needs = 0.5 * gibibyte;
    const Memory found = memory();
    Finding finding{"memory",
                    Finding::State::there,
                    fmt::format("{:.1f} GiB, {:.1f} GiB available", static_cast<double>(found.total_bytes) / gibibyte,
                                static_cast<double>(found.available_bytes) / gibibyte),
                    {}};
    if (static_cast<double>(found.available_bytes) < a_core_needs * available_cores()) {
        finding.state = Finding::State::lacking;
        finding.advice = "A layer in training takes about half a GiB a core. Use fewer --threads.";
    }
    return finding;
}

Finding check_allocator() {
    const Allocator found = allocator();
    if (found.keeps_pages)
        return {"allocator", Finding::State::there, found.name + ", keeps freed pages between steps", {}};
    return {"allocator", Finding::State::lacking, found.name + ", gives freed pages back at once",
            "Training is up to 3 times slower. Install libjemalloc-dev and build again."};
}

Finding check_disk() {
    const auto bytes = free_disk_bytes(".");
    if (!bytes) return {"disk", Finding::State::lacking, "free space of this folder is unknown", {}};
    constexpr double enough = 0.1 * gibibyte;
    const auto free = static_cast<double>(*bytes);
    const bool tight = free < enough;
    return {"disk", tight ? Finding::State::lacking : Finding::State::there,
            fmt::format("{:.1f} GiB free in this folder", free / gibibyte),
            tight ? "A study grows by about 1 MiB for 1,000 candidates." : ""};
}

Finding check_graphviz() {
    if (is_installed("dot")) return {"graphviz", Finding::State::there, "dot is installed", {}};
    return {"graphviz", Finding::State::lacking, "dot is not installed",
            "Only normact show --format svg needs it: apt-get install graphviz"};
}

Finding check_dataset(const std::string& name) {
    try {
        const proxy_tasks::Dataset found = proxy_tasks::load_dataset({name, {}});
        return {name,
                Finding::State::there,
                fmt::format("{} images to train on, {} to validate", found.train.labels.size(0),
                            found.validation.labels.size(0)),
                {}};
    } catch (const proxy_tasks::DatasetError& error) {
        return {name, Finding::State::lacking, "not usable", error.what()};
    }
}

const std::string& default_dataset() {
    static const std::string name = search::preset("demo").scoring.dataset.name;
    return name;
}

bool is_published(const std::string& dataset) {
    return proxy_tasks::origin_of(dataset) == proxy_tasks::Origin::published;
}

/// All data sets but the user's own, which have no usual place. Without a single one of real images, the one that a
/// search takes by itself is what is broken.
std::vector<Finding> check_datasets() {
    std::vector<Finding> findings;
    for (const std::string& name : proxy_tasks::dataset_names())
        if (proxy_tasks::origin_of(name) != proxy_tasks::Origin::user) findings.push_back(check_dataset(name));
    const bool usable = std::ranges::any_of(findings, [](const Finding& finding) {
        return is_published(finding.subject) && finding.state == Finding::State::there;
    });
    if (!usable) std::ranges::find(findings, default_dataset(), &Finding::subject)->state = Finding::State::broken;
    return findings;
}

/// Trains BN-ReLU for a few steps on synthetic images. Where it fails, that is broken, or lacks what a GPU needs.
Finding check_engine(const evaluator::Engine& engine) {
    const std::string name(engine.name());
    proxy_tasks::ScoringSettings settings = search::preset("demo").scoring;
    settings.dataset = {"synthetic", {}};
    settings.engine = name;
    settings.anchors.resize(1);
    settings.training.steps = 2;
    settings.quality.steps = settings.stability.steps = 0;
    settings.training.validation_images = settings.training.validation_batch = 100;
    search::Configuration configuration;
    configuration.scoring = settings;
    try {
        const proxy_tasks::Scorer scorer(settings);
        const auto start = std::chrono::steady_clock::now();
        const auto outcome =
            score_replicate(scorer, configuration, primitives::find_in_catalogue("BN-ReLU")->layer, 0, {});
        const Seconds elapsed = std::chrono::steady_clock::now() - start;
        return {"engine " + name,
                Finding::State::there,
                fmt::format("trained {} for two steps in {}", settings.anchors.front(), duration_text(elapsed)),
                {}};
    } catch (const std::exception& error) {
        if (engine.device() != c10::DeviceType::CPU)
            return {"engine " + name, Finding::State::lacking, "does not run here", error.what()};
        return {"engine " + name, Finding::State::broken, "fails in training", error.what()};
    }
}

std::vector<Finding> examine() {
    std::vector<Finding> findings{{"build", Finding::State::there, build_description(), {}},
                                  check_processor(),
                                  check_memory(),
                                  check_allocator(),
                                  check_disk()};
    for (const evaluator::Engine* engine : evaluator::engines()) findings.push_back(check_engine(*engine));
    std::ranges::move(check_datasets(), std::back_inserter(findings));
    findings.push_back(check_graphviz());
    return findings;
}

constexpr std::array state_names{"ok", "lacks", "broken"};  // in the order of Finding::State

const char* state_name(Finding::State state) { return state_names.at(static_cast<std::size_t>(state)); }

bool search_can_run(const std::vector<Finding>& findings) {
    return std::ranges::none_of(findings,
                                [](const Finding& finding) { return finding.state == Finding::State::broken; });
}

std::string indented(const std::string& advice) {
    std::istringstream lines(advice);
    std::string text;
    for (std::string line; std::getline(lines, line);) text += fmt::format("{:>21}  {}\n", "", printable(line));
    return text;
}

/// A search with images that are there.
std::string possible_search(const std::vector<Finding>& findings) {
    const std::vector<std::string> names = proxy_tasks::dataset_names();
    const auto is_there = [&](const std::string& name) {
        return is_published(name) &&
               std::ranges::find(findings, name, &Finding::subject)->state == Finding::State::there;
    };
    if (is_there(default_dataset())) return command_line({"search"});
    return command_line({"search", "--set", "scoring.dataset.name=" + *std::ranges::find_if(names, is_there)});
}

std::string for_people(const std::vector<Finding>& findings) {
    std::string text;
    for (const Finding& finding : findings) {
        text += fmt::format("{:<6}  {:<13}  {}\n", state_name(finding.state), finding.subject, printable(finding.text));
        if (!finding.advice.empty()) text += indented(finding.advice);
    }
    return text + (search_can_run(findings) ? fmt::format("\nA search can run here: {}\n", possible_search(findings))
                                            : "\nA search can't run here: see what is broken above.\n");
}

nlohmann::ordered_json for_programs(const std::vector<Finding>& findings) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const Finding& finding : findings) {
        list.push_back({{"subject", finding.subject},
                        {"state", state_name(finding.state)},
                        {"text", finding.text},
                        {"advice", finding.advice}});
    }
    return {
        {"format", "normact/doctor"}, {"version", 1}, {"search_can_run", search_can_run(findings)}, {"findings", list}};
}

int run(const Arguments& arguments) {
    const std::vector<Finding> findings = examine();
    answer(arguments.has("json") ? printed(for_programs(findings)) : for_people(findings));
    return search_can_run(findings) ? fine : failed;
}

}  // namespace

const Command& doctor_command() {
    static const Command command{.name = "doctor",
                                 .summary = "What this machine has and lacks for a search, with a small self-test.",
                                 .options = {{"json", "", "print JSON, see docs/commands.md", {}}},
                                 .details = "Ends with status 1 if a search can't run.\n\nExample:\n  normact doctor\n",
                                 .run = run};
    return command;
}

}  // namespace normact::tools
