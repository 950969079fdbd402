#pragma once

#include <string>
#include <string_view>

#include "primitives/graph.h"

namespace normact::primitives {

/// The exchange format, docs/layer.schema.json: {"format": "normact/layer", "version": 1, "name": …, "nodes": […]}.
std::string to_json(const Layer& layer);

/// Reads the exchange format. Throws InvalidGraph that says where: the byte of a syntax error, or the node.
/// Unknown keys are errors. Missing settings take their defaults.
Layer parse_json(std::string_view text);

}  // namespace normact::primitives
