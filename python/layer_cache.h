#pragma once

#include "evaluator/fused_functions.h"
#include "primitives/graph.h"

#include <memory>
#include <string_view>

namespace normact::python {

/// Reads a layer: the name of a layer in the catalogue, JSON, or a text form. Nodes that the output does not depend on
/// are left out. Throws primitives::InvalidGraph, which also tells the name that a mistyped one is nearest to.
primitives::Layer parse_layer(std::string_view text);

/// The layer with these settings on this kind of device, CPU or CUDA, compiled once for the whole process; the least
/// recent ones are forgotten. Throws
/// primitives::InvalidGraph, and std::invalid_argument for settings out of range. Safe from several threads.
std::shared_ptr<const evaluator::FusedModes> cached_layer(std::string_view text,
                                                          const primitives::LayerSettings& settings,
                                                          c10::DeviceType device);

}  // namespace normact::python
