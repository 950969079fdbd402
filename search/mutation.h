#pragma once

#include "primitives/generator.h"
#include "primitives/graph.h"
#include "primitives/space.h"

namespace normact::search {

/// A graph of the space's full length that computes the same as `graph`: the four initial nodes, the intermediate nodes
/// of `graph` in their order, and random nodes that nothing uses, put at uniformly drawn places before the output.
///
/// Studies store canonical graphs, which have lost their dead nodes; evolution needs them, because it is by pointing at
/// a dead node that a mutation makes a function larger. Dead nodes were random and never selected for what they
/// compute, so fresh ones serve as well as the lost ones.
///
/// A graph with more intermediate nodes than the space keeps them all. A graph without any (its output is an initial
/// node) has nothing to mutate: it becomes a random graph.
primitives::LayerGraph genotype(Generator& generator, const primitives::Space& space,
                                const primitives::LayerGraph& graph);

/// One mutation (arXiv 2004.02967, section 3): a uniformly drawn intermediate node is drawn anew, its operation uniform
/// in the space and its predecessors uniform among the earlier nodes. The draw may repeat what was there.
/// `graph` starts with its four initial nodes and has at least one more: a genotype.
primitives::LayerGraph mutate(Generator& generator, const primitives::Space& space, primitives::LayerGraph graph);

/// A child of a stored layer: its genotype, mutated `mutations` times.
primitives::LayerGraph child(Generator& generator, const primitives::Space& space, const primitives::LayerGraph& parent,
                             int mutations);

}  // namespace normact::search
