#pragma once

#include "primitives/generator.h"

#include <cmath>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

// Which of several layers is best, from a few noisy trainings of each, and how sure that is. Plain functions of values.
namespace normact::results {

/// One value a layer and seed, [layer][seed]; nothing where there is none. All layers have equally many entries. The
/// same seed means the same images in the same order and the same initial weights, so that layers are compared by
/// pairs.
using Values = std::vector<std::vector<std::optional<double>>>;

/// What was measured under one condition; higher is better.
struct Measured {
    std::string measure;  ///< "accuracy", "mean IoU" …
    Values values;
};

/// A mean with its 95% interval by Student's t distribution over the seeds: exact for normal noise.
struct Mean {
    double mean = 0;
    std::optional<double> margin;  ///< half the width of the interval; nothing for a single value
    int count = 0;
};

/// That the interval of a difference leaves 0 out. One pair of values separates nothing.
inline bool is_separated(const Mean& difference) {
    return difference.margin && std::abs(difference.mean) > *difference.margin;
}

/// Nothing for no values.
std::optional<Mean> mean_of(std::span<const double> values);
/// Of the values that are there.
std::optional<Mean> mean_of(std::span<const std::optional<double>> values);
/// Of a − b over the seeds that both have.
std::optional<Mean> paired_difference(std::span<const std::optional<double>> a,
                                      std::span<const std::optional<double>> b);

/// One value a layer and seed over all conditions; each condition counts the same.
struct Overall {
    Values values;
    /// Of the values: the one that all conditions share. Empty for conditions of several measures: then the values are
    /// standardized.
    std::string measure;
};
/// The mean over the conditions for each seed that has a value under all of them. Values of different measures are
/// standardized first: within a condition, in units of the standard deviation between the layers' means, from their
/// mean, over the seeds that all layers have.
Overall overall(std::span<const Measured> conditions);

/// Where a layer stands among the others.
struct Standing {
    double effect = 0;                  ///< its value in the model, against the best layer's: at most 0
    double low = 0, high = 0;           ///< 95% interval of that
    double probability_best = 0;        ///< that it is the best of all
    int first_rank = 1, last_rank = 1;  ///< 95% interval of its rank
    bool separated = false;             ///< from the best layer: `high` is below 0
};

struct Ranking {
    std::vector<std::size_t> order;   ///< the layers that have values, best first
    std::vector<Standing> standings;  ///< one a layer; meaningless for those without values
};

/// Ranks layers by a normal model of value = layer + seed + noise: layers are drawn around a common mean, seeds around
/// 0, and each layer has noise of its own size, drawn around a common size. So a layer that leads by luck is drawn back
/// to the others, and three seeds are enough to say something. Layers may have different seeds. The posterior is
/// sampled (Gelman and others, Bayesian Data Analysis, 3rd edition, chapters 5 and 15; half-Cauchy scales: Gelman 2006)
/// with `generator`: equal ones give equal rankings. A layer with a single value, and one beside such a best layer, is
/// not separated.
Ranking rank(const Values& values, Generator& generator);

}  // namespace normact::results
