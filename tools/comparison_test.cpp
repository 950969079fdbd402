#include "tools/comparison.h"

#include "tools/text_file.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cstdio>
#include <filesystem>

namespace normact::tools {
namespace {

const primitives::Hash128 one{1, 2};
const primitives::Hash128 other{3, 4};

Comparison sample() {
    Comparison comparison;
    comparison.configuration = search::preset("demo");
    comparison.seeds = 2;
    comparison.layers = {{"one", "x", one}, {"other", "tanh(x)", other}};
    comparison.finished[{one, 0}] = {{"d/a", 0, 0.1, 1}, {"d/b", 0, 0.3, 1}};
    comparison.finished[{one, 1}] = {{"d/a", 1, 0.3, 1}, {"d/b", 1, 0.5, 1}};
    return comparison;
}

class ComparisonFile : public testing::Test {
  protected:
    void TearDown() override { std::filesystem::remove(path_); }
    std::string path_ = testing::TempDir() + "/comparison_test.json";
};

TEST(Estimate, knows_how_well_a_mean_is_known) {
    EXPECT_FALSE(estimate({}));
    EXPECT_FALSE(estimate(std::vector{0.5})->standard_error);
    const auto three = estimate(std::vector{1.0, 2.0, 3.0});
    EXPECT_DOUBLE_EQ(three->mean, 2.0);
    EXPECT_DOUBLE_EQ(*three->standard_error, 1.0 / std::sqrt(3.0));  // deviation 1 over √3
}

TEST(Comparison, averages_over_tasks_first_and_seeds_then) {
    const Comparison comparison = sample();
    const auto mean = overall(comparison, comparison.layers[0]);
    EXPECT_DOUBLE_EQ(mean->mean, 0.3);               // of 0.2 and 0.4
    EXPECT_NEAR(*mean->standard_error, 0.1, 1e-15);  // half their distance; rounded a few times
    EXPECT_DOUBLE_EQ(on_task(comparison, comparison.layers[0], "d/b")->mean, 0.4);
    EXPECT_FALSE(overall(comparison, comparison.layers[1])) << "nothing is finished";
}

TEST_F(ComparisonFile, gives_everything_back) {
    replace_text_file(path_, to_json(sample()).dump());
    Comparison comparison;
    comparison.configuration = sample().configuration;
    comparison.seeds = 2;
    comparison.layers = {sample().layers[1]};
    take_over(comparison, path_);
    EXPECT_EQ(comparison.layers[1].name, "one");
    EXPECT_EQ(comparison.finished.size(), 2U);
    std::swap(comparison.layers[0], comparison.layers[1]);
    EXPECT_EQ(to_json(comparison), to_json(sample()));
}

TEST_F(ComparisonFile, of_other_settings_is_refused) {
    replace_text_file(path_, to_json(sample()).dump());
    Comparison comparison = sample();
    comparison.configuration.seed += 1;
    EXPECT_THROW(take_over(comparison, path_), std::runtime_error);
}

TEST_F(ComparisonFile, that_is_none_is_refused) {
    for (const char* text : {"", "{", "[]", "{}", R"({"format": "normact/top", "version": 1})"}) {
        replace_text_file(path_, text);
        Comparison comparison = sample();
        EXPECT_THROW(take_over(comparison, path_), std::runtime_error) << text;
    }
}

}  // namespace
}  // namespace normact::tools
