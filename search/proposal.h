#pragma once

#include "primitives/generator.h"
#include "primitives/graph.h"
#include "primitives/space.h"
#include "results/store.h"
#include "search/configuration.h"
#include "search/population.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace normact::search {

/// The next candidate of an evolution: with probability `random_share`, and while the population is smaller than the
/// warm-up, a random graph; otherwise a mutated child of a tournament's winner. Canonical, named and probed.
results::Proposal propose(Generator& generator, const primitives::Space& space, const EvolutionSettings& evolution,
                          const Population& population);

/// A layer to begin with, by its catalogue name or text form; `origin` is that text.
/// Throws primitives::InvalidGraph if it is neither.
results::Proposal propose_initial(std::string_view layer);

/// The graph of a catalogue name or a text form. Throws primitives::InvalidGraph if it is neither.
primitives::LayerGraph initial_graph(std::string_view layer);

}  // namespace normact::search
