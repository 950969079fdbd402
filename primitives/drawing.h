#pragma once

#include "primitives/graph.h"

#include <string>

namespace normact::primitives {

/// The graph for Graphviz, as a digraph.
std::string to_dot(const Layer& layer);

/// The formula for LaTeX's math mode.
std::string to_latex(const LayerGraph& graph);

}  // namespace normact::primitives
