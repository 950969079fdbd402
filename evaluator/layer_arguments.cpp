#include "evaluator/layer_arguments.h"

#include <ATen/ATen.h>
#include <c10/util/StringUtil.h>

#include <stdexcept>

namespace normact::evaluator {
namespace {

bool is_one_value_a_channel(const at::Tensor& tensor, const at::Tensor& x) {
    return tensor.defined() && tensor.dim() == 1 && tensor.size(0) == x.size(1);
}

}  // namespace

ArgumentsNeeded arguments_needed(const primitives::LayerGraph& graph) {
    return {.v0 = primitives::uses(graph, primitives::Op::v0),
            .v1 = primitives::uses(graph, primitives::Op::v1),
            .averages = averaged_nodes(graph).size()};
}

std::vector<std::pair<std::string_view, const at::Tensor*>> needed_parameters(const ArgumentsNeeded& needed,
                                                                              const Parameters& parameters) {
    std::vector<std::pair<std::string_view, const at::Tensor*>> named;
    if (needed.v0) named.emplace_back("v0", &parameters.v0);
    if (needed.v1) named.emplace_back("v1", &parameters.v1);
    named.emplace_back("gamma", &parameters.gamma);
    named.emplace_back("beta", &parameters.beta);
    return named;
}

void require_of_layer(bool holds, const std::string& message) {
    if (!holds) throw std::invalid_argument("layer: " + message);
}

void check_shapes(const ArgumentsNeeded& needed, const at::Tensor& x, const Parameters& parameters,
                  std::span<const at::Tensor> averages) {
    require_of_layer(x.dim() == 4, c10::str("x must have four dimensions [N,C,H,W], it has ", x.dim()));
    require_of_layer(x.numel() > 0, c10::str("x has no elements: its shape is ", x.sizes()));
    for (const auto& [name, parameter] : needed_parameters(needed, parameters))
        require_of_layer(is_one_value_a_channel(*parameter, x),
                         c10::str(name, " must have one value for each of the ", x.size(1), " channels of x"));
    require_of_layer(averages.size() == needed.averages,
                     c10::str(needed.averages, " moving averages needed, ", averages.size(), " given"));
    for (const at::Tensor& average : averages)
        require_of_layer(is_one_value_a_channel(average, x), "each moving average must have one value a channel");
}

}  // namespace normact::evaluator
