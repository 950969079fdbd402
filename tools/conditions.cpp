#include "tools/conditions.h"

#include "proxy_tasks/anchors.h"
#include "proxy_tasks/dataset_origin.h"
#include "tools/command.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <set>

namespace normact::tools {
namespace {

using proxy_tasks::Optimizer;

constexpr double adamw_rate = 0.01;  ///< against that of SGD
constexpr double adamw_weight_decay = 0.05;

void require_distinct(const char* option, const auto& values) {
    const std::set seen(values.begin(), values.end());
    if (seen.size() != values.size()) throw UsageError(fmt::format("--{} names one of them twice", option));
}

/// Throws UsageError that lists the names there are.
const proxy_tasks::Anchor& anchor_of(const std::string& anchor) {
    try {
        return proxy_tasks::find_anchor(anchor_name(anchor));
    } catch (const std::invalid_argument& error) {
        throw UsageError(error.what());
    }
}

bool is_of_user(const std::string& dataset) { return proxy_tasks::origin_of(dataset) == proxy_tasks::Origin::user; }

/// The data set of this name. The configured folder goes with a user's own images alone.
proxy_tasks::DatasetSettings on_dataset(const proxy_tasks::DatasetSettings& configured, const std::string& name) {
    return {.name = name, .folder = name == configured.name || is_of_user(name) ? configured.folder : ""};
}

/// The training of so many images as before, by this optimizer in batches of this size.
void adapt(proxy_tasks::TrainingSettings& training, int batch, Optimizer optimizer) {
    const double growth = static_cast<double>(batch) / training.batch;
    training.steps = std::max(1, static_cast<int>(std::lround(training.steps / growth)));
    training.batch = batch;
    const bool adamw = optimizer == Optimizer::adamw;
    training.learning_rate *= adamw ? std::sqrt(growth) : growth;
    if (optimizer == training.optimizer) return;
    training.learning_rate *= adamw ? adamw_rate : 1 / adamw_rate;
    training.weight_decay = adamw ? adamw_weight_decay : proxy_tasks::TrainingSettings{}.weight_decay;
    training.optimizer = optimizer;
}

/// In which trials are kept. Neither where published data lies nor what the filters are decides a value; of a user's
/// own images the folder says which they are.
std::string canonical_text(const Condition& condition) {
    using Json = nlohmann::json;  // sorted by key
    const Json scoring = Json::parse(search::to_json(condition.configuration)).at("scoring");
    const std::string& dataset = condition.configuration.scoring.dataset.name;
    const Json text{{"seed", condition.configuration.seed},
                    {"dataset", is_of_user(dataset) ? scoring.at("dataset") : scoring.at("dataset").at("name")},
                    {"anchor", anchor_name(condition.anchor)},
                    {"training", scoring.at("training")},
                    {"engine", scoring.at("engine")},
                    {"precision", scoring.at("precision")},
                    {"split", condition.on_test_images ? "test" : "validation"}};
    return text.dump();
}

[[noreturn]] void refuse(const Condition& condition, const std::exception& error) {
    throw UsageError(fmt::format("{} can't be trained: {}", long_name(condition), error.what()));
}

Condition make_condition(const search::Configuration& configuration, const std::string& anchor, int batch,
                         Optimizer optimizer, bool on_test_images) {
    const bool generates = anchor_of(anchor).task == proxy_tasks::Task::generation;
    Condition condition;
    condition.anchor = anchor;
    condition.batch = batch;
    condition.optimizer = generates ? "adam" : name(optimizer);
    condition.on_test_images = on_test_images;
    condition.measure = proxy_tasks::measure_of(anchor_of(anchor));
    condition.configuration = configuration;
    condition.configuration.scoring.anchors = {anchor_name(anchor)};
    condition.configuration.scoring.quality.steps = 0;
    condition.configuration.scoring.stability.steps = 0;
    try {
        if (const auto at = anchor.find('@'); at != std::string::npos)
            condition.configuration.scoring.dataset = on_dataset(configuration.scoring.dataset, anchor.substr(at + 1));
        proxy_tasks::TrainingSettings& training = condition.configuration.scoring.training;
        adapt(training, batch, generates ? training.optimizer : optimizer);
        search::validate(condition.configuration);
    } catch (const std::invalid_argument& error) {  // an unknown data set
        refuse(condition, error);
    } catch (const search::ConfigurationError& error) {
        refuse(condition, error);
    }
    condition.text = canonical_text(condition);
    return condition;
}

/// A generator has an optimizer of its own: under each one named it would be the same training again.
void require_distinct_trainings(const std::string& anchor, const std::vector<Optimizer>& optimizers) {
    if (anchor_of(anchor).task == proxy_tasks::Task::generation && optimizers.size() > 1)
        throw UsageError(fmt::format(
            "{} is trained by an optimizer of its own; re-evaluate it apart, without --optimizers", anchor));
}

}  // namespace

std::vector<Condition> make_conditions(const search::Configuration& configuration, const Variations& variations,
                                       bool on_test_images) {
    auto [anchors, batch_sizes, optimizers] = variations;
    if (anchors.empty()) anchors = configuration.scoring.anchors;
    if (batch_sizes.empty()) batch_sizes = {configuration.scoring.training.batch};
    if (optimizers.empty()) optimizers = {configuration.scoring.training.optimizer};
    require_distinct("anchors", anchors);
    require_distinct("batch-sizes", batch_sizes);
    require_distinct("optimizers", optimizers);
    std::vector<Condition> conditions;
    for (const std::string& anchor : anchors) require_distinct_trainings(anchor, optimizers);
    for (const std::string& anchor : anchors)
        for (const int batch : batch_sizes)
            for (const Optimizer optimizer : optimizers)
                conditions.push_back(make_condition(configuration, anchor, batch, optimizer, on_test_images));
    return conditions;
}

std::string anchor_name(const std::string& anchor) { return anchor.substr(0, anchor.find('@')); }

std::string long_name(const Condition& condition) {
    return fmt::format("{}, batch {}, {}", condition.anchor, condition.batch, condition.optimizer);
}

std::string short_name(const Condition& condition, const std::vector<Condition>& conditions) {
    const auto differs = [&](auto member) {
        return std::ranges::any_of(conditions,
                                   [&](const Condition& other) { return other.*member != condition.*member; });
    };
    std::string name = condition.anchor;
    if (differs(&Condition::batch)) name += fmt::format(" {}", condition.batch);
    if (differs(&Condition::optimizer)) name += " " + condition.optimizer;
    return name;
}

}  // namespace normact::tools
