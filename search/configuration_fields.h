#pragma once

#include "search/configuration.h"

#include <concepts>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>

// The members of a configuration, each listed once under its key, with what it may hold. Writer, reader, checks and the
// tests of docs/configuration.md all walk these lists.
namespace normact::search {

/// The numbers that a member may hold, ends included; of a list or a string, how long it may be.
struct Range {
    double least = -std::numeric_limits<double>::infinity();
    double most = std::numeric_limits<double>::infinity();
    bool above = false;  ///< `least` itself is left out

    bool contains(double value) const { return (above ? value > least : value >= least) && value <= most; }
};

inline constexpr double largest_count = 1e9;
inline constexpr Range any{};
inline constexpr Range count{0, largest_count};
inline constexpr Range positive_count{1, largest_count};
inline constexpr Range share{0, 1};
inline constexpr Range positive_share{0, 1, true};
inline constexpr Range positive{1e-30, 1e30};  // within what float32 tells from 0 and from infinity
inline constexpr Range not_empty{1, 1000};

template <typename Object, typename Struct>
concept Is = std::same_as<std::remove_const_t<Object>, Struct>;

/// Calls field(key, member, range) for each member of a struct, const or not.
template <Is<primitives::Space> Object>
void for_each_field(Object& space, auto&& field) {
    field("elementwise", space.elementwise, not_empty);
    field("moments", space.moments, any);
    field("index_sets", space.index_sets, any);
    field("intermediate_nodes", space.intermediate_nodes, Range{1, 1000});
}

template <Is<EvolutionSettings> Object>
void for_each_field(Object& evolution, auto&& field) {
    field("window", evolution.window, count);
    field("tournament", evolution.tournament, positive_share);
    field("choice", evolution.choice, any);
    field("cost", evolution.cost, any);
    field("mutations", evolution.mutations, Range{1, 1000});
    field("random_share", evolution.random_share, share);
    field("warm_up", evolution.warm_up, count);
    field("initial", evolution.initial, any);
}

template <Is<proxy_tasks::DatasetSettings> Object>
void for_each_field(Object& dataset, auto&& field) {
    field("name", dataset.name, not_empty);
    field("folder", dataset.folder, any);
}

template <Is<proxy_tasks::TrainingSettings> Object>
void for_each_field(Object& training, auto&& field) {
    field("steps", training.steps, positive_count);
    field("batch", training.batch, positive_count);
    field("crop", training.crop, positive_count);
    field("flip", training.flip, any);
    field("optimizer", training.optimizer, any);
    field("learning_rate", training.learning_rate, positive);
    field("schedule", training.schedule, any);
    field("momentum", training.momentum, share);
    field("weight_decay", training.weight_decay, share);
    field("validation_images", training.validation_images, positive_count);
    field("validation_batch", training.validation_batch, positive_count);
}

template <Is<proxy_tasks::QualityFilter> Object>
void for_each_field(Object& quality, auto&& field) {
    field("steps", quality.steps, count);
    field("minimum_accuracy", quality.minimum_accuracy, share);
    field("images", quality.images, positive_count);
}

template <Is<proxy_tasks::StabilityFilter> Object>
void for_each_field(Object& stability, auto&& field) {
    field("steps", stability.steps, count);
    field("batch", stability.batch, positive_count);
    field("learning_rate", stability.learning_rate, positive);
    field("maximum_gradient_norm", stability.maximum_gradient_norm, positive);
}

template <Is<primitives::LayerSettings> Object>
void for_each_field(Object& layer, auto&& field) {
    field("groups", layer.groups, positive_count);
    field("epsilon", layer.epsilon, Range{primitives::least_epsilon, primitives::most_epsilon});
}

template <Is<proxy_tasks::ScoringSettings> Object>
void for_each_field(Object& scoring, auto&& field) {
    field("dataset", scoring.dataset, any);
    field("anchors", scoring.anchors, not_empty);
    field("training", scoring.training, any);
    field("quality", scoring.quality, any);
    field("stability", scoring.stability, any);
    field("audit_share", scoring.audit_share, share);
    field("layer", scoring.layer, any);
    field("engine", scoring.engine, not_empty);
    field("precision", scoring.precision, any);
}

template <Is<Budget> Object>
void for_each_field(Object& budget, auto&& field) {
    field("scored", budget.scored, Range{0, 1e15});
    field("proposed", budget.proposed, Range{0, 1e15});
    field("minutes", budget.minutes, Range{0, 1e7});
}

template <Is<Configuration> Object>
void for_each_field(Object& configuration, auto&& field) {
    field("preset", configuration.preset, any);
    field("seed", configuration.seed, any);
    field("space", configuration.space, any);
    field("evolution", configuration.evolution, any);
    field("scoring", configuration.scoring, any);
    field("budget", configuration.budget, any);
    field("lease_seconds", configuration.lease_seconds, Range{3, 1e7});
    field("maximum_attempts", configuration.maximum_attempts, Range{1, 1e6});
}

/// A member that has members of its own.
template <typename Value>
concept Struct = requires(Value& value) {
    for_each_field(value, [](auto&&...) {});
};

inline std::string joined(const std::string& path, const char* key) { return path.empty() ? key : path + "." + key; }

/// "a number from 0 to 1".
std::string in_words(const Range& range, std::string_view what);

inline constexpr std::size_t most_configuration_bytes = 1 << 20;

/// Throws ConfigurationError that names the first member outside of its range.
void check_ranges(const Configuration& configuration);

}  // namespace normact::search
