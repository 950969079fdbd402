#pragma once

#include "primitives/hash.h"
#include "proxy_tasks/outcome.h"
#include "search/configuration.h"

#include <nlohmann/json_fwd.hpp>

#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace normact::tools {

/// One layer of a comparison.
struct ComparedLayer {
    std::string name;
    std::string text;
    primitives::Hash128 hash;
};

/// Layers trained side by side under the same settings, each several times, and what is finished of it. It is also the
/// file of `compare --output`.
struct Comparison {
    search::Configuration configuration;  ///< its scoring and its seed count
    int seeds = 1;                        ///< replicates 0 to seeds − 1
    std::vector<ComparedLayer> layers;
    /// The scores of one layer and replicate, one a task.
    std::map<std::pair<primitives::Hash128, int>, std::vector<proxy_tasks::Score>> finished;
};

/// A mean and how well it is known.
struct Estimate {
    double mean = 0;
    std::optional<double> standard_error;  ///< of the mean; nothing for a single value
};

/// Nothing for no values.
std::optional<Estimate> estimate(std::span<const double> values);
/// A layer's mean accuracy over the tasks, from its finished replicates.
std::optional<Estimate> overall(const Comparison& comparison, const ComparedLayer& layer);
/// The same on one task.
std::optional<Estimate> on_task(const Comparison& comparison, const ComparedLayer& layer, const std::string& task);
/// The tasks in the order in which they are trained; empty as long as nothing is finished.
std::vector<std::string> tasks_of(const Comparison& comparison);

nlohmann::ordered_json to_json(const Comparison& comparison);

/// Takes over what the file of an earlier run holds: its finished scores, and its layers after those that are there.
/// Throws std::runtime_error if it is no such file, or one of other settings.
void take_over(Comparison& comparison, const std::string& path);

}  // namespace normact::tools
