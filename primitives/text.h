#pragma once

#include "primitives/graph.h"

#include <string>
#include <string_view>

namespace normact::primitives {

/// The text form of a graph, which parses back: `x*sigmoid(v1*x)/std_group(x)`. What a large graph repeats gets a
/// name first: `t1 = exp(v1*x); t1*max(t1, x)`. Throws InvalidGraph unless the graph is well formed. (Of graphs with
/// more than max_nodes - 4 nodes, those without all four initial ones are too large to be parsed again.)
std::string to_text(const LayerGraph& graph);

/// The graph that the text form reads back as. Throws InvalidGraph for one that is too large for that.
LayerGraph reread(const LayerGraph& graph);

/// Reads a text form. Throws InvalidGraph with the column of the first error.
/// The graph begins with the four initial nodes, unless it is nothing but one of them.
///
///     text       = { name "=" sum ";" } sum
///     sum        = product { ("+" | "-") product }        a-b is add(a, neg(b))
///     product    = factor { ("*" | "/") factor }
///     factor     = "-" factor | "(" sum ")" | "0" | name | function "(" sum [ "," sum ] ")"
///     function   = an elementwise primitive, or a moment with its index set: std_group
LayerGraph parse_text(std::string_view text);

inline constexpr std::size_t max_text_bytes = 1 << 16;
/// Parentheses, functions and signs within each other. More than to_text ever writes.
inline constexpr int max_text_depth = 200;

}  // namespace normact::primitives
