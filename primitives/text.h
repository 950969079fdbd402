#pragma once

#include <string>
#include <string_view>

#include "primitives/graph.h"

namespace normact::primitives {

/// The text form of a graph, which parses back: `x*sigmoid(v1*x)/std_group(x)`.
std::string to_text(const LayerGraph& graph);

/// Reads a text form. Throws InvalidGraph with the column of the first error.
LayerGraph parse_text(std::string_view text);

}  // namespace normact::primitives
