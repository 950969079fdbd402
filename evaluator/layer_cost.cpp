#include "evaluator/layer_cost.h"

#include "evaluator/layer_programs.h"
#include "evaluator/schedule.h"

namespace normact::evaluator {

int least_bytes_moved(const primitives::LayerGraph& graph) {
    // Epsilon is a constant of the program: it moves nothing.
    const LayerPrograms programs = layer_programs(graph, primitives::LayerSettings{}.epsilon, /*training=*/true);
    constexpr int bytes_an_element = 4;
    return bytes_an_element *
           (least_elements_moved(schedule(programs.forward)) + least_elements_moved(schedule(programs.backward)));
}

}  // namespace normact::evaluator
