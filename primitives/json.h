#pragma once

#include "primitives/graph.h"

#include <string>
#include <string_view>

namespace normact::primitives {

/// The exchange format, docs/layer.schema.json: {"format": "normact/layer", "version": 1, "name": …, "nodes": […]},
/// with "settings" where they are not the defaults. Throws InvalidGraph unless the layer is well formed.
std::string to_json(const Layer& layer);

/// Reads the exchange format. Throws InvalidGraph that says where: the byte of a syntax error, or the node.
/// Unknown and repeated keys are errors. Missing settings take their defaults. Work and memory are bounded by
/// max_json_bytes, whatever the text is.
Layer parse_json(std::string_view text);

/// Longer texts are refused unread; a caller need not load such a file either.
inline constexpr std::size_t max_json_bytes = 1 << 20;
inline constexpr std::size_t max_name_bytes = 200;

}  // namespace normact::primitives
