#include "evaluator/layer_cost.h"

#include "evaluator/layer_programs.h"
#include "evaluator/schedule.h"

namespace normact::evaluator {

LayerCost layer_cost(const primitives::LayerGraph& graph) {
    // Epsilon is a constant of the program: it costs nothing.
    const LayerPrograms programs = layer_programs(graph, primitives::LayerSettings{}.epsilon, /*training=*/true);
    constexpr int bytes_an_element = 4;
    const Schedule forward = schedule(programs.forward), backward = schedule(programs.backward);
    return {bytes_an_element * (least_elements_moved(forward) + least_elements_moved(backward)),
            operations_an_element(forward) + operations_an_element(backward)};
}

}  // namespace normact::evaluator
