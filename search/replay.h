#pragma once

#include "search/configuration.h"
#include "search/recorded_layers.h"

#include <cstdint>
#include <vector>

namespace normact::search {

/// A search over recorded layers, without training.
struct Replay {
    std::vector<double> best;   ///< highest mean accuracy after each evaluation; 0 before the first score
    std::int64_t proposed = 0;  ///< candidates in all
    std::int64_t invalid = 0;   ///< of these: not finite, or without x
    std::int64_t unknown = 0;   ///< of these: valid, and without a record
    bool exhausted = false;     ///< no new record was met any more, and the last best is repeated to the end

    /// The share of the valid candidates whose outcome is known, in [0,1].
    double known_share() const;
};

/// Runs the evolution of a study, by one worker, for so many evaluations: layers with a record of their own function,
/// be it scores or a rejection. A candidate without a record is passed over as if it had not been proposed, so that the
/// search is one of the recorded layers, as in a tabular benchmark (NAS-Bench-101, arXiv 1902.09635). Every random
/// choice comes from `seed`.
Replay replay(const RecordedLayers& layers, const EvolutionSettings& evolution, std::uint64_t seed,
              std::int64_t evaluations);

/// A mean over seeds with half of its 95% interval, by Student's t distribution (results/ranking.h).
struct Estimate {
    double mean = 0;
    double half_width = 0;
};
/// Throws std::invalid_argument for less than two values.
Estimate estimate(const std::vector<double>& values);

}  // namespace normact::search
