#include "tools/comparison.h"

#include "primitives/temporary_folder.h"
#include "tools/output_file.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <cstdint>
#include <functional>

namespace normact::tools {
namespace {

const primitives::Hash128 one{1, 2};
const primitives::Hash128 other{3, 4};
const primitives::LayerSettings usual{7, 1e-4};

Comparison sample() {
    Comparison comparison;
    comparison.configuration = search::preset("demo");
    comparison.configuration.scoring.dataset.name = "d";
    comparison.configuration.scoring.anchors = {"a", "b"};
    comparison.configuration.scoring.layer = usual;
    comparison.seeds = 2;
    comparison.layers = {{"one", "x", one, usual}, {"other", "tanh(x)", other, usual}};
    comparison.finished[{one, usual, 0}] = {{"d/a", 0, 0.1, 1}, {"d/b", 0, 0.3, 1}};
    comparison.finished[{one, usual, 1}] = {{"d/a", 1, 0.3, 1}, {"d/b", 1, 0.5, 1}};
    return comparison;
}

/// A comparison with the sample's settings and nothing in it.
Comparison empty() {
    Comparison comparison;
    comparison.configuration = sample().configuration;
    return comparison;
}

class ComparisonFile : public testing::Test {
  protected:
    /// What is wrong with the file of the sample after `change`; nothing if it is taken over.
    std::string complaint(const std::function<void(nlohmann::ordered_json&)>& change) {
        nlohmann::ordered_json document = to_json(sample());
        change(document);
        replace_text_file(path_, document.dump());
        Comparison comparison = empty();
        try {
            take_over(comparison, path_);
        } catch (const std::runtime_error& error) {
            return error.what();
        }
        return "";
    }

    const TemporaryFolder folder_;
    std::string path_ = folder_.file("comparison.json");
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
    save(sample(), path_);
    Comparison comparison = empty();
    comparison.layers = {sample().layers[1]};
    take_over(comparison, path_);
    EXPECT_EQ(comparison.layers[1].name, "one");
    EXPECT_EQ(comparison.finished.size(), 2U);
    std::swap(comparison.layers[0], comparison.layers[1]);
    EXPECT_EQ(to_json(comparison), to_json(sample()));
}

TEST_F(ComparisonFile, of_other_settings_is_refused) {
    save(sample(), path_);
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

TEST_F(ComparisonFile, of_more_seeds_keeps_their_number) {
    save(sample(), path_);
    Comparison comparison = empty();
    comparison.seeds = 1;
    take_over(comparison, path_);
    EXPECT_EQ(comparison.seeds, 2);
    comparison.seeds = 3;
    take_over(comparison, path_);
    EXPECT_EQ(comparison.seeds, 3);
}

TEST_F(ComparisonFile, tells_layers_with_other_settings_apart) {
    Comparison comparison = sample();
    comparison.layers.push_back({"one, finer", "x", one, {.groups = 8, .epsilon = 1e-6}});
    comparison.finished[{one, comparison.layers[2].settings, 0}] = {{"d/a", 0, 0.5, 1}, {"d/b", 0, 0.5, 1}};
    save(comparison, path_);
    Comparison again = empty();
    take_over(again, path_);
    EXPECT_EQ(to_json(again), to_json(comparison));
    EXPECT_DOUBLE_EQ(overall(again, again.layers[0])->mean, 0.3);
    EXPECT_DOUBLE_EQ(overall(again, again.layers[2])->mean, 0.5);
}

TEST_F(ComparisonFile, without_settings_of_layers_means_those_of_the_configuration) {
    nlohmann::ordered_json document = to_json(sample());
    for (auto& layer : document["layers"]) {
        layer.erase("groups");
        layer.erase("epsilon");
    }
    replace_text_file(path_, document.dump());
    Comparison comparison = empty();
    take_over(comparison, path_);
    EXPECT_EQ(to_json(comparison), to_json(sample()));
}

TEST_F(ComparisonFile, with_a_layer_twice_counts_its_scores_once) {
    Comparison comparison = sample();
    comparison.layers.push_back({"one by another name", "x + zero", one, usual});
    save(comparison, path_);
    Comparison again = empty();
    take_over(again, path_);
    EXPECT_EQ(again.finished.size(), 2U);
    EXPECT_EQ(again.finished.begin()->second.size(), 2U);
}

TEST_F(ComparisonFile, with_scores_that_no_comparison_has_is_refused) {
    using Json = nlohmann::ordered_json;
    const auto with = [this](const std::function<void(Json & scores)>& change) {
        return complaint([&](Json& document) { change(document["layers"][0]["scores"]); });
    };
    EXPECT_EQ(with([](Json&) {}), "");
    EXPECT_NE(with([](Json& scores) { scores.erase(1); }), "");
    EXPECT_NE(with([](Json& scores) { scores.push_back(scores[0]); }), "");
    EXPECT_NE(with([](Json& scores) { scores[0]["task"] = "d/b"; }), "");
    EXPECT_NE(with([](Json& scores) { scores[0]["task"] = "d/c"; }), "");
    for (const Json& accuracy : {Json(1.5), Json(-0.1), Json(), Json("0.5")})
        EXPECT_NE(with([&](Json& scores) { scores[0]["accuracy"] = accuracy; }), "") << accuracy;
    for (const Json& replicate : {Json(-1), Json(1e300), Json(0.5), Json(std::uint64_t{1} << 40), Json("0")}) {
        EXPECT_NE(with([&](Json& scores) { scores[0]["replicate"] = scores[1]["replicate"] = replicate; }), "")
            << replicate;
    }
    for (const Json& groups : {Json(0), Json(-1), Json(1e300), Json()})
        EXPECT_NE(complaint([&](Json& document) { document["layers"][0]["groups"] = groups; }), "") << groups;
    for (const Json& epsilon : {Json(0), Json(-1e-5), Json("tiny")})
        EXPECT_NE(complaint([&](Json& document) { document["layers"][0]["epsilon"] = epsilon; }), "") << epsilon;
    for (const Json& seeds : {Json(0), Json(1001), Json(2.5)})
        EXPECT_NE(complaint([&](Json& document) { document["seeds"] = seeds; }), "") << seeds;
}

}  // namespace
}  // namespace normact::tools
