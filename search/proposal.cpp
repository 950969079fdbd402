#include "search/proposal.h"

#include "primitives/canonical.h"
#include "primitives/catalogue.h"
#include "primitives/fingerprint.h"
#include "primitives/hash.h"
#include "primitives/text.h"
#include "search/mutation.h"
#include "search/tournament.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace normact::search {
namespace {

results::Proposal make(const primitives::LayerGraph& graph, std::optional<results::CandidateId> parent,
                       std::string origin) {
    results::Proposal proposal;
    proposal.graph = primitives::canonical(graph);
    proposal.hash = primitives::hash_canonical(proposal.graph);
    proposal.parent = parent;
    proposal.origin = std::move(origin);
    const primitives::Probe probe = primitives::probe(proposal.graph);
    proposal.fingerprint = probe.fingerprint;
    if (!probe.finite) {
        proposal.invalid = "not finite";
    } else if (!probe.depends_on_x) {
        proposal.invalid = "does not depend on x";
    }
    return proposal;
}

}  // namespace

results::Proposal propose(Generator& generator, const primitives::Space& space, const EvolutionSettings& evolution,
                          const Population& population) {
    const std::size_t needed = static_cast<std::size_t>(std::max(1, evolution.warm_up));
    if (population.size() < needed || uniform_unit(generator) < evolution.random_share) {
        return make(primitives::random_graph(generator, space), std::nullopt, "random");
    }
    const Member& winner = population[tournament(generator, population, evolution.tournament, evolution.choice)];
    return make(child(generator, space, winner.graph, evolution.mutations), winner.id, "mutation");
}

results::Proposal propose_initial(std::string_view layer) {
    return make(initial_graph(layer), std::nullopt, std::string(layer));
}

primitives::LayerGraph initial_graph(std::string_view layer) {
    if (const auto* entry = primitives::find_in_catalogue(layer)) return entry->layer.graph;
    return primitives::parse_text(layer);
}

}  // namespace normact::search
