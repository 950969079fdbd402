#include "evaluator/engine.h"

#include "evaluator/aten_engine.h"
#include "evaluator/cpu/kernel_makers.h"
#include "evaluator/cpu/tile_interpreter.h"
#include "evaluator/cpu_backend.h"
#include "evaluator/cuda_backend.h"
#include "evaluator/fused_engine.h"
#include "primitives/definitions.h"

#include <array>
#include <stdexcept>
#include <string>

namespace normact::evaluator {

std::span<const Engine* const> engines() {
    static const FusedEngine interpreted("cpu-interpreter", cpu_backend(cpu::tile_interpreter()));
    static const FusedEngine fused("cpu", cpu_backend(*cpu::kernel_makers().front()));
    static const AtenEngine aten(Normalizations::fused);
    static const FusedEngine cuda("cuda", cuda_backend(machine_loader));
    static const std::array<const Engine*, 4> all{&fused, &aten, &interpreted, &cuda};
    return all;
}

const Engine& find_engine(std::string_view name) {
    std::string names;
    for (const Engine* engine : engines()) {
        if (engine->name() == name) return *engine;
        names += (names.empty() ? "" : ", ") + std::string(engine->name());
    }
    throw std::invalid_argument("no engine is named '" + std::string(name) + "'; there are: " + names);
}

std::vector<std::size_t> averaged_nodes(const primitives::LayerGraph& graph) {
    std::vector<std::size_t> positions;
    for (std::size_t position = 0; position < graph.nodes.size(); ++position)
        if (graph.nodes[position].over == primitives::IndexSet::batch) positions.push_back(position);
    return positions;
}

std::vector<double> initial_averages(const primitives::LayerGraph& graph) {
    std::vector<double> starts;
    for (const std::size_t position : averaged_nodes(graph))
        primitives::rows::for_each_moment([&]<typename Row>(Row) {
            if (Row::row.op == graph.nodes[position].op) starts.push_back(Row::initial_average);
        });
    return starts;
}

}  // namespace normact::evaluator
