#pragma once

#include "results/ranking.h"

#include <vector>

namespace normact::results {

/// [layer][draw]: values that the layers may really have, given what was measured; empty for a layer without values.
using Samples = std::vector<std::vector<double>>;

/// Draws from the posterior of the model that `rank` describes, by Gibbs sampling.
Samples sample_layers(const Values& values, Generator& generator);

}  // namespace normact::results
