#pragma once

#include "primitives/graph.h"

#include <string>
#include <string_view>

namespace normact::primitives {

/// A layer as one readable Python file that needs PyTorch alone: a torch.nn.Module with the parameters and moving
/// averages of normact.Layer, under the same names. If the package normact is there, its fused operator runs the layer.
/// `class_name`: of the module, an identifier of Python. Throws InvalidGraph unless the graph is well formed and small
/// enough to be written as text and read again.
std::string to_pytorch(const Layer& layer, std::string_view class_name);

/// A layer's name as the name of a class: "EvoNorm-B0" becomes EvoNormB0. Never empty; starts with an upper-case
/// letter.
std::string class_name(std::string_view layer_name);

}  // namespace normact::primitives
