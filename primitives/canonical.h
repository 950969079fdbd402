#pragma once

#include "primitives/graph.h"

namespace normact::primitives {

/// The canonical form: dead nodes dropped, common subgraphs shared, commutative inputs sorted, simple identities
/// applied, nodes in one fixed order. Canonicalizing twice changes nothing more, and never makes a graph larger.
///
/// It computes the same function, to the last bit and for infinities and NaN too, and has the same derivatives, ties
/// included. Two things are not part of the function: the sign of a zero, and which NaN a NaN is.
///
/// The hash is taken of this form, so a change of identities or order changes the names of layers.
LayerGraph canonical(const LayerGraph& graph);

}  // namespace normact::primitives
