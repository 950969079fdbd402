#pragma once

#include "evaluator/standalone/function_code.h"
#include "primitives/graph.h"

#include <string>
#include <string_view>
#include <vector>

namespace normact::evaluator::standalone {

/// A layer as a source file that needs nothing of normact: forward in training and at evaluation, and backward of
/// training, in float32 on contiguous [N,C,H,W]. Its functions and their arguments are explained in the file.
struct Source {
    std::string text;
    std::vector<std::string> kernels;  ///< names, in CUDA
};

/// C99 that any compiler takes, or CUDA C++ for nvcc. `prefix`: what the names of functions begin with, an identifier.
/// Throws InvalidGraph unless the graph is well formed.
Source source(const primitives::Layer& layer, Language language, std::string_view prefix);

/// A layer's name as the beginning of names of functions: "EvoNorm-B0" becomes evonorm_b0.
std::string function_prefix(std::string_view layer_name);

}  // namespace normact::evaluator::standalone
