#include "evaluator/fused_engine.h"

#include "evaluator/fused_functions.h"
#include "evaluator/layer_arguments.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <utility>

namespace normact::evaluator {
namespace {

using primitives::LayerGraph;
using primitives::LayerSettings;

/// The numbers of the moving averages that the output depends on.
std::vector<std::size_t> averages_in_use(const LayerGraph& graph) {
    const std::vector<bool> live = primitives::live_nodes(graph);
    const std::vector<std::size_t> nodes = averaged_nodes(graph);
    std::vector<std::size_t> numbers;
    for (std::size_t k = 0; k < nodes.size(); ++k)
        if (live[nodes[k]]) numbers.push_back(k);
    return numbers;
}

class FusedLayer : public CompiledLayer {
  public:
    FusedLayer(const LayerGraph& graph, const LayerSettings& settings, std::shared_ptr<const Backend> backend)
        : modes_(graph, settings, std::move(backend)),
          needed_(arguments_needed(graph)),
          averages_(averages_in_use(graph)) {}

    const LayerGraph& graph() const override { return modes_.graph(); }

    at::Tensor forward(const at::Tensor& x, const Parameters& parameters, std::span<at::Tensor> averages,
                       bool training) const override {
        check_shapes(needed_, x, parameters, averages);
        const auto functions = modes_.functions(training, x);
        std::vector<at::Tensor> inputs{x.contiguous(x.suggest_memory_format())};
        for (const auto& [name, parameter] : needed_parameters(needed_, parameters)) inputs.push_back(*parameter);
        if (!training)  // copies: the next training step moves them while backward may still need them
            for (const std::size_t k : averages_) inputs.push_back(averages[k].clone());
        const std::vector<at::Tensor> outputs = apply_layer(functions, inputs);
        if (training) move_averages(averages, std::span(outputs).subspan(1, averages_.size()));
        return outputs.front();
    }

  private:
    void move_averages(std::span<at::Tensor> averages, std::span<const at::Tensor> statistics) const {
        const at::NoGradGuard no_grad;
        for (std::size_t i = 0; i < statistics.size(); ++i) {
            at::Tensor& average = averages[averages_[i]];
            average.lerp_(statistics[i].to(average.scalar_type()).expand_as(average), 1.0 - moving_average_decay);
        }
    }

    FusedModes modes_;
    ArgumentsNeeded needed_;
    std::vector<std::size_t> averages_;
};

}  // namespace

std::unique_ptr<const CompiledLayer> FusedEngine::compile(const LayerGraph& graph,
                                                          const LayerSettings& settings) const {
    primitives::validate(graph);
    return std::make_unique<FusedLayer>(graph, settings, backend_);
}

}  // namespace normact::evaluator
