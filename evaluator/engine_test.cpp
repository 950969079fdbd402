#include "evaluator/engine.h"

#include "primitives/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace normact::evaluator {
namespace {

TEST(Engines, are_found_by_name) {
    for (const Engine* engine : engines()) EXPECT_EQ(&find_engine(engine->name()), engine);
}

TEST(Engines, that_do_not_exist_are_answered_with_those_that_do) {
    EXPECT_THAT([] { find_engine("gpu"); }, testing::ThrowsMessage<std::invalid_argument>(testing::AllOf(
                                                testing::HasSubstr("'gpu'"), testing::HasSubstr("aten"))));
}

TEST(Averages, are_those_of_the_batch_moments_in_the_order_of_the_nodes) {
    const auto graph = primitives::parse_text("x*std_batch(x) + mean_instance(x)*mean_batch(x)");
    const auto positions = averaged_nodes(graph);
    ASSERT_EQ(positions.size(), 2U);
    EXPECT_LT(positions[0], positions[1]);
    for (const std::size_t position : positions) EXPECT_EQ(graph.nodes[position].over, primitives::IndexSet::batch);
}

}  // namespace
}  // namespace normact::evaluator
