#pragma once

#include "primitives/space.h"
#include "proxy_tasks/settings.h"

#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace normact::search {

/// How a parent is taken from a tournament.
enum class Choice { pareto, mean };  // a random member of the Pareto front over the anchors; the best mean accuracy

/// What a layer costs, as an objective beside its accuracies: nothing, or the bytes that it has to move or the
/// operations that it computes for each element (evaluator/layer_cost.h), less being better.
enum class Cost { none, bytes, operations };

/// The evolution's settings; the defaults are the paper's.
struct EvolutionSettings {
    int window = 2500;         ///< newest scored candidates that take part; 0: all (plain evolution without ageing)
    double tournament = 0.05;  ///< share of the window drawn for a tournament, at least one
    Choice choice = Choice::pareto;
    Cost cost = Cost::none;            ///< with the choice pareto: one more axis of the front
    int mutations = 2;                 ///< applied to the winner, one after the other
    double random_share = 0.5;         ///< probability of a fresh random graph instead of a child; 1: random search
    int warm_up = 0;                   ///< scored candidates before the first tournament; until then graphs are random
    std::vector<std::string> initial;  ///< layers (catalogue names or text forms) evaluated first

    bool operator==(const EvolutionSettings&) const = default;
};

/// When a search ends by itself: at the first of these that is reached; 0 never.
struct Budget {
    std::int64_t scored = 0;    ///< evaluations with a full score
    std::int64_t proposed = 0;  ///< candidates proposed
    double minutes = 0;         ///< of this run

    bool operator==(const Budget&) const = default;
};

/// Everything that defines a study: also the JSON file that `normact search --config` reads and the study stores.
struct Configuration {
    std::string preset;  ///< where it started from; empty if from a file
    std::uint64_t seed = 1;
    primitives::Space space = primitives::paper_space(true);
    EvolutionSettings evolution;
    proxy_tasks::ScoringSettings scoring;
    Budget budget;
    int lease_seconds =
        60;  ///< a worker renews its claims three times a lease; a dead worker's claims return after one
    int maximum_attempts = 3;  ///< evaluations of a layer that may fail or vanish before it is quarantined

    bool operator==(const Configuration&) const = default;
};

/// A configuration that can't be used: the message names the key, what it holds and what it may hold.
class ConfigurationError : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

std::string to_json(const Configuration& configuration);
/// Reads a configuration. Missing keys take their defaults, or the values of the preset that `preset` names.
/// Throws ConfigurationError for broken JSON, unknown or repeated keys, and values of the wrong type or out of range;
/// what values mean together is left to validate().
Configuration parse_configuration(std::string_view json);
/// Sets one value, as `--set scoring.training.steps=200` does. A list is JSON, or one word for a list of one.
void set(Configuration& configuration, std::string_view assignment);
/// Throws ConfigurationError if a value is out of range or values make no sense together.
void validate(const Configuration& configuration);

/// The proxy tasks by the names that their scores have, "data set/anchor", in the order of the anchors.
std::vector<std::string> tasks_of(const proxy_tasks::ScoringSettings& scoring);

/// The names of the presets: demo, laptop-b, laptop-s, paper-b, paper-s, pointwise.
std::vector<std::string> preset_names();
/// Throws ConfigurationError that lists the names there are.
Configuration preset(std::string_view name);

}  // namespace normact::search
