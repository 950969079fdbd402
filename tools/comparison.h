#pragma once

#include "primitives/graph.h"
#include "primitives/hash.h"
#include "proxy_tasks/outcome.h"
#include "search/configuration.h"

#include <nlohmann/json_fwd.hpp>

#include <compare>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace normact::tools {

/// One layer of a comparison.
struct ComparedLayer {
    std::string name;
    std::string text;
    primitives::Hash128 hash;
    primitives::LayerSettings settings;  ///< that it is trained with
};

/// One training of one layer on all tasks.
struct Training {
    primitives::Hash128 hash;
    primitives::LayerSettings settings;
    int replicate = 0;

    auto operator<=>(const Training&) const = default;
};

/// Layers trained side by side under the same settings, each several times, and what is finished of it. It is also the
/// file of `compare --output`.
struct Comparison {
    search::Configuration configuration;  ///< its scoring and its seed count
    int seeds = 1;                        ///< replicates 0 to seeds − 1
    std::vector<ComparedLayer> layers;
    std::map<Training, std::vector<proxy_tasks::Score>> finished;  ///< one score a task
};

inline constexpr int most_seeds = 1000;

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

nlohmann::ordered_json to_json(const Comparison& comparison);

/// Takes over what the file of an earlier run holds: its finished scores, its layers after those that are there, and
/// its seeds if they are more. Throws std::runtime_error if it is no such file, one of other settings, or one with
/// scores that no comparison has.
void take_over(Comparison& comparison, const std::string& path);
/// Puts the comparison in place of the file's content.
void save(const Comparison& comparison, const std::string& path);

}  // namespace normact::tools
