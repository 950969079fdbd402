#include "tools/reevaluation.h"

#include "primitives/catalogue.h"
#include "primitives/hash.h"
#include "tools/reevaluation_output.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <set>

namespace normact::tools {
namespace {

using State = results::TrialRecord::State;
using testing::HasSubstr;

/// Three layers, one network, four seeds, and test images at the end.
Reevaluation sample() {
    Reevaluation reevaluation;
    search::Configuration configuration = search::preset("demo");
    configuration.scoring.anchors = {"resnet-micro"};
    reevaluation.conditions = make_conditions(configuration, {}, false);
    reevaluation.test_conditions = make_conditions(configuration, {}, true);
    reevaluation.seeds = 4;
    for (const char* name : {"BN-ReLU", "GN-ReLU", "EvoNorm-S0"}) {
        const primitives::Layer& layer = primitives::find_in_catalogue(name)->layer;
        reevaluation.layers.push_back({layer, primitives::hash(layer.graph), {}, std::nullopt, true});
    }
    return reevaluation;
}

/// What a training of a layer gives: EvoNorm-S0 is far behind.
double value_of(const OpenTrial& open) {
    return (open.layer == 2 ? 0.2 : 0.8) +
           0.001 * static_cast<double>((open.layer + 1) * (open.trial.name.replicate + 1) % 3);
}

void finish(KnownTrials& known, const OpenTrial& open) {
    known[open.trial.name] = {open.trial.name, State::finished, false, value_of(open), 1.0, ""};
}

TEST(Plan, runs_the_race_and_then_all_seeds_of_its_survivors_on_test_images) {
    const Reevaluation reevaluation = sample();
    KnownTrials known;
    std::vector<OpenTrial> trained;
    for (Plan now = plan(reevaluation, known); !now.open.empty(); now = plan(reevaluation, known)) {
        EXPECT_EQ(now.on_test_images, now.open.front().condition->on_test_images);
        trained.push_back(now.open.front());
        finish(known, trained.back());
    }
    const auto count = [&](std::size_t layer, bool test) {
        return std::ranges::count_if(trained, [&](const OpenTrial& open) {
            return open.layer == layer && open.condition->on_test_images == test;
        });
    };
    for (const std::size_t layer : {0, 1}) {
        EXPECT_EQ(count(layer, false), 4);
        EXPECT_EQ(count(layer, true), 4);
    }
    EXPECT_EQ(count(2, false), 3) << "it drops out after the first round";
    EXPECT_EQ(count(2, true), 0);
    std::set<int> deciding, judging;
    for (const OpenTrial& open : trained)
        (open.condition->on_test_images ? judging : deciding).insert(open.trial.name.replicate);
    EXPECT_EQ(deciding, (std::set{0, 1, 2, 3}));
    EXPECT_EQ(judging, (std::set{1000, 1001, 1002, 1003})) << "not the random numbers by which the survivors survived";
    EXPECT_TRUE(
        std::ranges::is_partitioned(trained, [](const OpenTrial& open) { return !open.condition->on_test_images; }));
}

TEST(Plan, passes_over_what_was_given_up_and_says_what_others_hold) {
    const Reevaluation reevaluation = sample();
    const Plan start = plan(reevaluation, {});
    ASSERT_EQ(start.open.size(), 9u);
    KnownTrials known;
    const auto set = [&](std::size_t position, State state, bool held) {
        const auto& name = start.open[position].trial.name;
        known[name] = {name, state, held, 0, 0, ""};
    };
    set(0, State::quarantined, false);
    set(1, State::open, true);
    set(2, State::open, false);
    const Plan later = plan(reevaluation, known);
    ASSERT_EQ(later.open.size(), 8u);
    EXPECT_EQ(later.open[0].trial.name, start.open[1].trial.name);
    EXPECT_TRUE(later.open[0].held);
    EXPECT_FALSE(later.open[1].held);
}

TEST(ReevaluationOutput, shows_names_from_a_study_harmlessly) {
    Reevaluation reevaluation = sample();
    reevaluation.layers[0].layer.name = "\x1b[31mred\n";
    KnownTrials known;
    for (const OpenTrial& open : plan(reevaluation, known).open) finish(known, open);
    const std::string text = for_people(reevaluation, known, {});
    EXPECT_THAT(text, HasSubstr("red"));
    EXPECT_EQ(text.find('\x1b'), std::string::npos);
}

TEST(ReevaluationOutput, says_before_the_first_seed_that_there_is_nothing_yet) {
    EXPECT_THAT(for_people(sample(), {}, {}), HasSubstr("No seed is trained under all conditions yet"));
    const auto empty = document(sample(), {}, "a.study.db");
    EXPECT_FALSE(empty.at("finished"));
    EXPECT_TRUE(empty.at("validation").at("layers").at(0).at("mean").is_null());
}

TEST(ReevaluationOutput, tells_a_layer_that_is_separated_and_who_is_not) {
    const Reevaluation reevaluation = sample();
    KnownTrials known;
    for (Plan now = plan(reevaluation, known); !now.open.empty(); now = plan(reevaluation, known))
        for (const OpenTrial& open : now.open) finish(known, open);
    const auto layers = document(reevaluation, known, "a.study.db").at("validation").at("layers");
    EXPECT_EQ(layers.at(2).at("name"), "EvoNorm-S0");
    EXPECT_TRUE(layers.at(2).at("separated"));
    EXPECT_EQ(layers.at(2).at("seeds"), 3);
    EXPECT_EQ(layers.at(2).at("first_rank"), 3);
    EXPECT_LT(layers.at(2).at("probability_best"), 0.01);
    EXPECT_THAT(for_people(reevaluation, known, {}), HasSubstr("On the test images:"));
}

}  // namespace
}  // namespace normact::tools
