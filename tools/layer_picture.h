#pragma once

#include "primitives/graph.h"

#include <string>

namespace normact::tools {

/// The layer drawn by Graphviz, as an SVG document. Throws ChildProcessError that says what to do where Graphviz is
/// not installed or fails.
std::string layer_picture(const primitives::Layer& layer);

}  // namespace normact::tools
