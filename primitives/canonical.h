#pragma once

#include "primitives/graph.h"

namespace normact::primitives {

/// The canonical form: dead nodes dropped, common subgraphs shared, commutative inputs sorted, simple identities
/// applied, nodes in one fixed order. It computes the same function; canonicalizing twice changes nothing more.
LayerGraph canonical(const LayerGraph& graph);

}  // namespace normact::primitives
