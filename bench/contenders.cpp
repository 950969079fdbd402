#include "bench/contenders.h"

#include "evaluator/layer_module.h"
#include "primitives/catalogue.h"
#include "proxy_tasks/anchors.h"
#include "proxy_tasks/batch_norm_relu.h"

#include <torch/nn/modules/container/functional.h>

#include <memory>

namespace normact::bench {

std::vector<Contender> contenders(const evaluator::Engine& engine) {
    std::vector<Contender> all{
        {"none",
         [](std::int64_t) {
             return torch::nn::AnyModule(torch::nn::Functional([](const at::Tensor& x) { return x; }));
         }},
        {"BN-ReLU (ATen's own)", proxy_tasks::batch_norm_relu}};
    for (const char* name : {"BN-ReLU", "EvoNorm-B0", "EvoNorm-S0", "GN-ReLU"}) {
        const primitives::Layer& layer = primitives::find_in_catalogue(name)->layer;
        const std::shared_ptr<const evaluator::CompiledLayer> compiled = engine.compile(layer.graph, layer.settings);
        all.push_back(
            {name, [compiled](std::int64_t c) { return torch::nn::AnyModule(evaluator::LayerModule(compiled, c)); }});
    }
    return all;
}

proxy_tasks::CpuTraining Steps::training(const std::string& anchor, const proxy_tasks::MakeLayer& layer) const {
    proxy_tasks::TrainingSettings settings;
    settings.batch = batch;
    settings.crop = crop;
    settings.steps = 1 << 20;
    settings.learning_rate = 1e-6;  // so that no layer diverges, "none" included: the time is asked, not the score
    return {proxy_tasks::find_anchor(anchor), dataset, settings, layer, proxy_tasks::Trial{1, {}, anchor, 0}};
}

}  // namespace normact::bench
