// normact reevaluate: trains the best layers of a study and known ones again, and says which is best and how sure that
// is.

#include "primitives/canonical.h"
#include "primitives/fingerprint.h"
#include "proxy_tasks/anchors.h"
#include "results/study.h"
#include "tools/command.h"
#include "tools/invocation.h"
#include "tools/json_output.h"
#include "tools/layer_argument.h"
#include "tools/reevaluation_output.h"
#include "tools/settings_argument.h"
#include "tools/stop_on_signals.h"
#include "tools/study_argument.h"
#include "tools/terminal.h"
#include "tools/trial_work.h"
#include "tools/worker_description.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <tuple>
#include <unistd.h>

namespace normact::tools {
namespace {

constexpr int longer = 4;  ///< schedules than those of the search

/// The words of a list with commas.
std::vector<std::string> listed(const Arguments& arguments, const std::string& option) {
    std::vector<std::string> words;
    const std::string text = arguments.text(option);
    for (std::size_t begin = 0; begin <= text.size() && !text.empty();) {
        const std::size_t end = std::min(text.find(',', begin), text.size());
        words.push_back(text.substr(begin, end - begin));
        if (words.back().empty()) throw UsageError(fmt::format("--{} {}: a word is missing", option, text));
        begin = end + 1;
    }
    return words;
}

std::vector<int> batch_sizes(const Arguments& arguments) {
    constexpr int most = 1'000'000;
    std::vector<int> sizes;
    for (const std::string& word : listed(arguments, "batch-sizes")) {
        int size = 0;
        const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), size);
        if (error != std::errc() || end != word.data() + word.size() || size < 1 || size > most)
            throw UsageError(fmt::format("--batch-sizes: '{}' is no whole number from 1 to {}", word, most));
        sizes.push_back(size);
    }
    return sizes;
}

std::vector<proxy_tasks::Optimizer> optimizers(const Arguments& arguments) {
    std::vector<proxy_tasks::Optimizer> found;
    try {
        for (const std::string& name : listed(arguments, "optimizers"))
            found.push_back(proxy_tasks::find_optimizer(name));
    } catch (const std::invalid_argument& error) {
        throw UsageError(fmt::format("--optimizers: {}", error.what()));
    }
    return found;
}

std::vector<std::string> anchors(const Arguments& arguments) {
    auto names = listed(arguments, "anchors");
    try {
        for (const std::string& name : names) proxy_tasks::find_anchor(anchor_name(name));
    } catch (const std::invalid_argument& error) {
        throw UsageError(fmt::format("--anchors: {}", error.what()));
    }
    return names;
}

/// The study's settings with longer schedules, unless others are named.
search::Configuration settings_of(const Arguments& arguments, const search::Configuration& study) {
    search::Configuration otherwise = study;
    otherwise.scoring.training.steps *= longer;
    search::Configuration configuration = read_settings(arguments, otherwise);
    constexpr std::int64_t most_steps = 1'000'000'000;
    if (arguments.has("steps"))
        configuration.scoring.training.steps = static_cast<int>(arguments.number("steps", 1, most_steps));
    return configuration;
}

/// Adds a layer unless one that computes the same is there; a study's layer is then called by both names.
void add(std::vector<ReevaluatedLayer>& layers, ReevaluatedLayer layer) {
    const auto same = std::ranges::find_if(layers, [&](const ReevaluatedLayer& other) {
        return other.layer.settings == layer.layer.settings &&
               (other.hash == layer.hash || other.fingerprint == layer.fingerprint);
    });
    if (same == layers.end()) {
        layers.push_back(std::move(layer));
    } else if (layer.is_reference) {
        same->is_reference = true;
        same->layer.name = fmt::format("{} ({})", layer.layer.name, same->layer.name);
    }
}

ReevaluatedLayer trained(primitives::Layer layer, std::optional<results::CandidateId> candidate, bool is_reference) {
    layer.graph = primitives::canonical(layer.graph);
    const auto hash = primitives::hash_canonical(layer.graph);
    const auto fingerprint = primitives::probe(layer.graph).fingerprint;
    return {std::move(layer), hash, fingerprint, candidate, is_reference};
}

/// The study's best layers, and the references behind them.
std::vector<ReevaluatedLayer> layers_of(const Study& study, const Arguments& arguments,
                                        const proxy_tasks::ScoringSettings& scoring) {
    constexpr std::int64_t most = 1000;
    std::vector<ReevaluatedLayer> layers;
    for (const auto& candidate : study.store->best(static_cast<int>(arguments.number("top", 0, most))))
        add(layers, trained({fmt::format("candidate {}", candidate.id), trained_graph(study, candidate), scoring.layer},
                            candidate.id, false));
    if (layers.empty() && arguments.number("top", 0, most) > 0)
        throw std::runtime_error(fmt::format("{} has no scored layer yet. Go on with: {}", study.path,
                                             command_line({"search", "--study", study.path})));
    std::vector<std::string> references = arguments.texts("with");
    if (references.empty()) references = {"BN-ReLU", "GN-ReLU", "EvoNorm-B0", "EvoNorm-S0"};
    for (const std::string& word : references) {
        const NamedLayer named = read_layer(word, arguments);
        const auto id = named.candidate ? std::optional(named.candidate->id) : std::nullopt;
        add(layers, trained(trained_layer(named, scoring), id, true));
    }
    // The ranking draws random numbers layer by layer: the same layers, however they were named, give the same table.
    std::ranges::sort(layers, {}, [](const ReevaluatedLayer& layer) {
        return std::tuple(layer.hash, layer.layer.settings.groups, layer.layer.settings.epsilon);
    });
    return layers;
}

Reevaluation read_reevaluation(const Study& study, const Arguments& arguments) {
    const search::Configuration configuration = settings_of(arguments, study.configuration);
    const Variations variations{anchors(arguments), batch_sizes(arguments), optimizers(arguments)};
    Reevaluation reevaluation;
    constexpr std::int64_t most_seeds = 1000;
    reevaluation.seeds = static_cast<int>(arguments.number("seeds", 1, most_seeds));
    reevaluation.conditions = make_conditions(configuration, variations, false);
    if (arguments.has("test")) reevaluation.test_conditions = make_conditions(configuration, variations, true);
    reevaluation.layers = layers_of(study, arguments, configuration.scoring);
    return reevaluation;
}

std::string heading(const Reevaluation& reevaluation, const std::string& study, int threads) {
    const auto& scoring = reevaluation.conditions.front().configuration.scoring;
    std::vector<std::string> names;
    for (const Condition& condition : reevaluation.conditions) names.push_back(long_name(condition));
    std::string text = fmt::format("study   {}: {} layers, up to {} seeds\n", printable(study),
                                   reevaluation.layers.size(), reevaluation.seeds);
    text += fmt::format("task    {}, {} images in batches, {} conditions: {}\n", printable(datasets(reevaluation)),
                        static_cast<std::int64_t>(scoring.training.steps) * scoring.training.batch, names.size(),
                        printable(fmt::format("{}", fmt::join(names, "; "))));
    return text + fmt::format("engine  {}, {} at once; Ctrl-C stops, finished trainings are kept\n\n", scoring.engine,
                              threads);
}

std::vector<Option> options() {
    std::vector<Option> list{
        study_option("the study (default: the only one in this folder)"),
        {"top", "N", "how many of the study's best layers", "10"},
        {"with", "LAYER", "beside them, in place of BN-ReLU, GN-ReLU, EvoNorm-B0 and EvoNorm-S0", {}, true},
        {"seeds", "N", "with how many random numbers those layers are trained that stay undecided", "6"},
        {"steps", "N", "training steps (default: four times the study's)", {}},
        {"anchors", "A,B", "networks, as NAME or NAME@DATASET (default: the study's)", {}},
        {"batch-sizes", "N,M", "batch sizes (default: the study's); steps and learning rate follow", {}},
        {"optimizers", "A,B", "sgd, adamw (default: the study's)", {}},
        {"test", "", "at the end, train what survives again and judge it on the real test images", {}}};
    for (Option& option : settings_options()) list.push_back(std::move(option));
    list.push_back({"json", "", "print JSON, see docs/commands.md", {}});
    return list;
}

/// The words that were typed, but for what is the default anyway.
std::string resume_command(const Arguments& arguments, const std::string& study) {
    std::vector<std::string> words{"reevaluate", "--study", study};
    for (const Option& option : options()) {
        if (option.name == "study" || !arguments.has(option.name)) continue;
        if (option.value.empty()) words.push_back("--" + option.name);
        for (const std::string& value : arguments.texts(option.name))
            if (!option.value.empty() && value != option.fallback)
                words.insert(words.end(), {"--" + option.name, value});
    }
    return command_line(words);
}

/// Trains what is missing. Throws std::runtime_error that says how to go on.
void train(const Reevaluation& reevaluation, const Study& study, int threads, const std::string& resume,
           const std::stop_token& stop) {
    tell(heading(reevaluation, study.path, threads));
    try {
        work(reevaluation,
             {.study = study.path,
              .threads = threads,
              .lease = std::chrono::seconds(study.configuration.lease_seconds),
              .maximum_attempts = study.configuration.maximum_attempts},
             stop);
    } catch (const UsageError&) {
        throw;
    } catch (const results::StoreUnavailable&) {
        if (!stop.stop_requested()) throw;
        tell("Stopped while the database was away: what was held returns when its leases run out.\n");
    } catch (const std::exception& error) {
        throw std::runtime_error(fmt::format("{}\nFinished trainings are kept. Go on with: {}", error.what(), resume));
    }
}

/// What the table says nothing of, because the trainings were those of the study in it.
std::string untried(const Reevaluation& reevaluation, const proxy_tasks::ScoringSettings& study) {
    std::vector<std::string> list;
    const auto name = [&](const char* what, auto is_another) {
        if (std::ranges::none_of(reevaluation.conditions, is_another)) list.emplace_back(what);
    };
    name("other networks (--anchors)", [&](const Condition& condition) {
        return std::ranges::find(study.anchors, condition.anchor) == study.anchors.end();
    });
    name("other batch sizes (--batch-sizes)",
         [&](const Condition& condition) { return condition.batch != study.training.batch; });
    name("another optimizer (--optimizers)", [&](const Condition& condition) {
        return condition.configuration.scoring.training.optimizer != study.training.optimizer;
    });
    if (reevaluation.test_conditions.empty()) list.emplace_back("the test images (--test)");
    return list.empty() ? "" : fmt::format("\nNot tried: {}.\n", fmt::join(list, ", "));
}

int run(const Arguments& arguments) {
    StopOnSignals signals([] { tell("\nStopping: unfinished trainings are given back. Once more ends at once.\n"); });
    const Study study = open_study(existing_study(arguments));
    const Reevaluation reevaluation = read_reevaluation(study, arguments);
    const std::string resume = resume_command(arguments, study.path);
    const auto known = [&] { return by_name(results::open_trials(study.path)->trials()); };
    if (!plan(reevaluation, known()).open.empty())
        train(reevaluation, study, read_threads(arguments), resume, signals.token());
    answer(arguments.has("json") ? printed(document(reevaluation, known(), study.path))
                                 : for_people(reevaluation, known(), terminal_width(STDOUT_FILENO)) +
                                       untried(reevaluation, study.configuration.scoring));
    if (signals.signal() == 0) return fine;
    tell(fmt::format("Stopped. Go on with: {}\n", resume));
    return 128 + signals.signal();
}

}  // namespace

const Command& reevaluate_command() {
    static const Command command{
        .name = "reevaluate",
        .summary = "Train the best layers again, with more seeds, and say which is best and how sure that is.",
        .options = options(),
        .details =
            "All layers are trained with three seeds. The better half, and whoever is not clearly worse than the best, "
            "get twice\nas many, and so on up to --seeds. Trainings are kept in the study: the same command goes on, "
            "on any number of "
            "machines at once, and\none that asks for more takes over what is there. docs/reevaluate.md says how to "
            "read the numbers.\n\n"
            "Examples:\n  normact reevaluate --study demo.study.db --top 5\n"
            "  normact reevaluate --study s.study.db --seeds 12 --batch-sizes 4,16,64 --with BN-ReLU --with 17\n\n" +
            layer_help(),
        .run = run};
    return command;
}

}  // namespace normact::tools
