#pragma once

#include "primitives/generator.h"
#include "primitives/graph.h"

#include <vector>

namespace normact::primitives {

/// The graphs that a search may propose: which operations, over which index sets, how large.
struct Space {
    std::vector<Op> elementwise;       ///< at least one
    std::vector<Op> moments;           ///< mean, rms, std; empty with index_sets
    std::vector<IndexSet> index_sets;  ///< empty for pointwise layers
    int intermediate_nodes = 10;       ///< nodes beside the four initial ones

    bool operator==(const Space&) const = default;
};

/// The paper's space: every primitive; `with_batch` leaves batch moments in (B) or out (S).
Space paper_space(bool with_batch);

/// A uniformly drawn node for position `position` (>= 4): operation, index set and predecessors (arXiv 2004.02967, §3).
/// Each moment counts as one operation an index set.
Node random_node(Generator& generator, const Space& space, std::size_t position);

/// The four initial nodes and `intermediate_nodes` random ones. Not canonical; may hold dead nodes.
LayerGraph random_graph(Generator& generator, const Space& space);

/// A sample for measurements: random graphs of the paper's spaces, with moments over batch and without in turn, whose
/// output depends on x.
std::vector<LayerGraph> sample_graphs(Generator& generator, std::size_t count);

}  // namespace normact::primitives
