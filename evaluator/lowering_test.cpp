#include "evaluator/lowering.h"

#include "evaluator/plain_program.h"
#include "evaluator/sample_layers.h"
#include "primitives/text.h"

#include <gtest/gtest.h>

#include <cmath>

namespace normact::evaluator {
namespace {

using primitives::Layer;

constexpr std::array shape{3, 4, 3, 2};

double largest_difference(const PlainTensor& a, const PlainTensor& b) {
    double largest = 0;
    for (std::size_t i = 0; i < a.values.size(); ++i)
        largest = std::max(largest, std::abs(a.values[i] - b.values[i]) / (1 + std::abs(b.values[i])));
    return largest;
}

/// Both are in double; the order of products and sums differs.
TEST(Lowering, gives_a_program_that_computes_the_layer) {
    for (const Layer& layer : sample_layers()) {
        SCOPED_TRACE(layer.name + ": " + primitives::to_text(layer.graph));
        const Arguments arguments = draw_arguments(layer, shape, 1, any_distance);
        const int groups = primitives::groups_for(shape[1], layer.settings.groups);
        for (const bool training : {true, false}) {
            const Program program = lower(layer.graph, layer.settings.epsilon, training);
            const auto outputs = run_plainly(program, program_inputs(arguments), groups);
            const PlainEvaluation plain =
                evaluate_plainly(layer.graph, layer.settings, arguments.x, arguments.parameters,
                                 training ? nullptr : &arguments.averages);
            EXPECT_LT(largest_difference(outputs.at("y"), plain.output), 1e-11) << to_text(program);
            if (!training) continue;
            for (std::size_t k = 0; k < plain.statistics.size(); ++k)
                if (const auto found = outputs.find("statistic " + std::to_string(k)); found != outputs.end()) {
                    EXPECT_LT(largest_difference(found->second, spread(plain.statistics[k], arguments.x)), 1e-11);
                }
        }
    }
}

}  // namespace
}  // namespace normact::evaluator
