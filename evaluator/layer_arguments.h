#pragma once

#include "evaluator/engine.h"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace normact::evaluator {

/// Which parameters a layer takes beside gamma and beta, and how many moving averages.
struct ArgumentsNeeded {
    bool v0 = false, v1 = false;
    std::size_t averages = 0;
};
ArgumentsNeeded arguments_needed(const primitives::LayerGraph& graph);

/// The parameters that are needed, with their names: v0, v1, gamma, beta.
std::vector<std::pair<std::string_view, const at::Tensor*>> needed_parameters(const ArgumentsNeeded& needed,
                                                                              const Parameters& parameters);

/// Throws std::invalid_argument unless the condition on a layer's arguments holds.
void require_of_layer(bool holds, const std::string& message);

/// What every engine asks for: x is [N,C,H,W] with elements, parameters and moving averages are there, one value a
/// channel. Throws std::invalid_argument that says which is not.
void check_shapes(const ArgumentsNeeded& needed, const at::Tensor& x, const Parameters& parameters,
                  std::span<const at::Tensor> averages);

}  // namespace normact::evaluator
