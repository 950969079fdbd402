#pragma once

#include "results/halving.h"
#include "results/ranking.h"
#include "results/trials.h"
#include "tools/conditions.h"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace normact::tools {

/// One layer of a re-evaluation.
struct ReevaluatedLayer {
    primitives::Layer layer;  ///< as it is trained, canonical
    primitives::Hash128 hash, fingerprint;
    std::optional<results::CandidateId> candidate;  ///< if it is one of the study's best
    bool is_reference = false;
};

/// What a re-evaluation is to find out. Everything else follows from it and from the trials that are finished.
struct Reevaluation {
    std::vector<ReevaluatedLayer> layers;
    std::vector<Condition> conditions;       ///< on validation images: these decide
    std::vector<Condition> test_conditions;  ///< on test images, for those that survive; empty: none
    int seeds = 0;
};

/// The trials that are known of it, by name.
using KnownTrials = std::map<results::TrialName, results::TrialRecord>;

/// The names of the data sets of its conditions, with commas.
std::string datasets(const Reevaluation& reevaluation);

KnownTrials by_name(std::vector<results::TrialRecord> records);

/// The training of a layer with a seed from 0. On test images it has random numbers of its own.
results::TrialName trial_name(const Condition& condition, const ReevaluatedLayer& layer, int seed);

/// What was measured under these conditions, as far as it is known.
std::vector<results::Measured> measured(const Reevaluation& reevaluation, const std::vector<Condition>& conditions,
                                        const KnownTrials& known);

/// A training to do.
struct OpenTrial {
    const Condition* condition = nullptr;
    std::size_t layer = 0;
    results::Trial trial;
    bool held = false;  ///< by some worker
};

/// How far a re-evaluation is: the race on validation images, then every seed of its survivors on test images.
struct Plan {
    results::Race race;
    std::vector<OpenTrial> open;  ///< what is to be trained now, in this order; empty at the end
    bool on_test_images = false;
};
Plan plan(const Reevaluation& reevaluation, const KnownTrials& known);

}  // namespace normact::tools
