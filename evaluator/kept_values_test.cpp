#include "evaluator/kept_values.h"

#include "evaluator/layer_programs.h"
#include "evaluator/schedule.h"
#include "primitives/catalogue.h"
#include "primitives/space.h"

#include <gtest/gtest.h>

#include <set>

namespace normact::evaluator {
namespace {

using primitives::LayerGraph;

bool is_transcendental(const Schedule& schedule, ValueId id) {
    return row_of(schedule.program().instructions[id].operation).transcendental;
}

Schedule backward_of(const char* layer, Reuse reuse = Reuse::keep) {
    return schedule(layer_programs(primitives::find_in_catalogue(layer)->layer.graph, 1e-5, true).backward, reuse);
}

/// The gradient of z·sigmoid(z) needs the sigmoid only: one value says it all, and the gradient of y isn't read again.
TEST(KeptValues, are_the_latest_that_are_no_more) {
    const Schedule schedule = backward_of("GN-SiLU");
    ASSERT_EQ(schedule.sweeps[0].kept.size(), 1U) << to_text(schedule);
    const Pass& last = schedule.sweeps[0].passes[1];
    EXPECT_EQ(last.kept_inputs, schedule.sweeps[0].kept);
    EXPECT_EQ(last.inputs.size(), 1U) << to_text(schedule);
    EXPECT_FALSE(is_transcendental(schedule, last.kept_inputs[0])) << to_text(schedule);
}

/// The sigmoid of S0 goes into two values: it is kept itself.
TEST(KeptValues, are_the_functions_where_these_are_fewer) {
    const Schedule schedule = backward_of("EvoNorm-S0");
    ASSERT_EQ(schedule.sweeps[0].kept.size(), 1U) << to_text(schedule);
    EXPECT_TRUE(is_transcendental(schedule, schedule.sweeps[0].kept[0])) << to_text(schedule);
}

TEST(KeptValues, are_none_where_nothing_is_worth_it) {
    for (const Schedule& schedule : {backward_of("GN-ReLU"), backward_of("GN-SiLU", Reuse::compute_again)})
        for (const Sweep& sweep : schedule.sweeps) {
            EXPECT_TRUE(sweep.kept.empty()) << to_text(schedule);
            for (const Pass& pass : sweep.passes) EXPECT_TRUE(pass.kept_inputs.empty() && pass.keeps.empty());
        }
}

TEST(KeptValues, spare_every_second_transcendental_function_of_a_block) {
    Generator generator(4);
    int sweeps_that_keep = 0;
    for (int i = 0; i < 3000; ++i) {
        const LayerPrograms programs =
            layer_programs(primitives::random_graph(generator, primitives::paper_space(true)), 1e-2, true);
        const Program second = double_backward(programs);
        for (const Program* program : {&programs.forward, &programs.backward, &second}) {
            const Schedule schedule = evaluator::schedule(*program);
            for (const Sweep& sweep : schedule.sweeps) {
                std::set<ValueId> computed, kept;
                for (const Pass& pass : sweep.passes) {
                    for (const ValueId id : pass.kept_inputs) EXPECT_TRUE(kept.contains(id)) << to_text(schedule);
                    for (const ValueId id : pass.instructions)
                        EXPECT_TRUE(!is_transcendental(schedule, id) || computed.insert(id).second)
                            << to_text(schedule);
                    for (const ValueId id : pass.keeps) EXPECT_TRUE(kept.insert(id).second) << to_text(schedule);
                }
                EXPECT_EQ(kept, std::set<ValueId>(sweep.kept.begin(), sweep.kept.end())) << to_text(schedule);
                sweeps_that_keep += sweep.kept.empty() ? 0 : 1;
            }
        }
    }
    EXPECT_GT(sweeps_that_keep, 30);
}

}  // namespace
}  // namespace normact::evaluator
