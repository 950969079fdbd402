#pragma once

#include "primitives/graph.h"

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace normact::tools {

/// A form in which a layer is printed or taken away.
struct LayerFormat {
    std::string name;
    std::string help;  ///< what it is, in a few words
    std::function<std::string(const primitives::Layer&)> text;
};

/// All there are, in the order in which they are listed.
const std::vector<LayerFormat>& layer_formats();

/// The format with this name. Throws UsageError that lists the names there are.
const LayerFormat& find_layer_format(const std::string& name);

/// The graph as lines for a terminal, in ASCII where the locale is not UTF-8.
std::string layer_tree(const primitives::LayerGraph& graph, std::size_t most_lines);

/// "pytorch, c, …": the names.
std::string layer_format_names();

/// The layer in this format, with one line end at the end. Throws std::runtime_error where a program is missing.
std::string formatted(const LayerFormat& format, primitives::Layer layer);

}  // namespace normact::tools
