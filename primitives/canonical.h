#pragma once

#include "primitives/graph.h"

namespace normact::primitives {

/// The canonical form: dead nodes dropped, common subgraphs shared, commutative inputs sorted, simple identities
/// applied, nodes in one fixed order. Canonicalizing twice changes nothing more, and never makes a graph larger.
///
/// It computes the same function to the last bit and has the same derivatives, ties included, wherever all values on
/// the way are finite; an infinity or NaN on the way stays one. Not part of the function are the sign of a zero, what
/// follows from dividing by a zero of either sign, and which NaN a NaN is.
///
/// The hash is taken of this form, so a change of identities or order changes the names of layers.
LayerGraph canonical(const LayerGraph& graph);

}  // namespace normact::primitives
