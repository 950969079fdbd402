#include "evaluator/layer_module.h"

#include <ATen/ATen.h>

#include <string>
#include <utility>

namespace normact::evaluator {

LayerModuleImpl::LayerModuleImpl(std::shared_ptr<const CompiledLayer> compiled, std::int64_t channels)
    : compiled_(std::move(compiled)) {
    const primitives::LayerGraph& graph = compiled_->graph();
    // A parameter that the output does not depend on would never get a gradient.
    if (primitives::uses(graph, primitives::Op::v0)) parameters_.v0 = register_parameter("v0", at::zeros({channels}));
    if (primitives::uses(graph, primitives::Op::v1)) parameters_.v1 = register_parameter("v1", at::ones({channels}));
    parameters_.gamma = register_parameter("gamma", at::ones({channels}));
    parameters_.beta = register_parameter("beta", at::zeros({channels}));
    for (const double start : initial_averages(graph)) {
        averages_.push_back(
            register_buffer("average_" + std::to_string(averages_.size()), at::full({channels}, start)));
    }
}

at::Tensor LayerModuleImpl::forward(const at::Tensor& x) {
    return compiled_->forward(x, parameters_, averages_, is_training());
}

}  // namespace normact::evaluator
