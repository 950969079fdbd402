#pragma once

#include "primitives/generator.h"
#include "search/configuration.h"
#include "search/population.h"

#include <cstddef>
#include <vector>

namespace normact::search {

/// How many members take part: `share` of `size` rounded to the nearest, at least one and at most all.
std::size_t tournament_size(std::size_t size, double share);

/// `count` different indices below `size`, every set of them equally likely.
std::vector<std::size_t> draw_without_replacement(Generator& generator, std::size_t size, std::size_t count);

/// Those of `entrants` that no other entrant beats: beaten means nowhere better and somewhere worse, in the accuracies
/// and in cost. Never empty.
std::vector<std::size_t> pareto_front(const Population& population, const std::vector<std::size_t>& entrants);

/// Draws a share of the population without replacement and returns the winner's index: a uniformly drawn member of the
/// Pareto front, or of those with the best mean accuracy. The population must not be empty.
std::size_t tournament(Generator& generator, const Population& population, double share, Choice choice);

}  // namespace normact::search
