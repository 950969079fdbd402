#include "tools/configuration_difference.h"

#include <gtest/gtest.h>

namespace normact::tools {
namespace {

TEST(ConfigurationDifference, finds_none_between_equals) {
    EXPECT_TRUE(differences(search::preset("demo"), search::preset("demo")).empty());
}

TEST(ConfigurationDifference, names_the_setting_and_both_values) {
    search::Configuration changed = search::preset("demo");
    changed.scoring.training.steps = 7;
    const auto found = differences(search::preset("demo"), changed);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].key, "scoring.training.steps");
    EXPECT_EQ(found[0].first, std::to_string(search::preset("demo").scoring.training.steps));
    EXPECT_EQ(found[0].second, "7");
}

TEST(ConfigurationDifference, takes_a_list_as_one_value) {
    search::Configuration changed = search::preset("demo");
    changed.scoring.anchors = {"resnet-micro"};
    const auto found = differences(search::preset("demo"), changed);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].second, "[\"resnet-micro\"]");
}

TEST(ConfigurationDifference, leaves_out_the_budget_and_the_presets_name) {
    search::Configuration changed = search::preset("demo");
    changed.preset = "mine";
    changed.budget.scored = 12345;
    EXPECT_TRUE(differences(search::preset("demo"), changed).empty());
}

}  // namespace
}  // namespace normact::tools
