#include "results/ranking.h"

#include "results/noisy_layers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

namespace normact::results {
namespace {

using testing::DoubleNear;
using testing::ElementsAre;
constexpr std::nullopt_t none = std::nullopt;

TEST(Mean, has_the_interval_of_students_distribution) {
    const std::vector<double> values{1, 2, 3};
    const auto mean = mean_of(values).value();
    EXPECT_DOUBLE_EQ(mean.mean, 2);
    EXPECT_EQ(mean.count, 3);
    // t(0.975; 2) = 4.302653 in every printed table; the standard error is 1/sqrt(3).
    EXPECT_NEAR(mean.margin.value(), 4.302653 / std::sqrt(3), 1e-6);
    EXPECT_FALSE(mean_of(std::vector<double>{5}).value().margin);
    EXPECT_FALSE(mean_of(std::vector<double>{}));
}

TEST(Mean, covers_the_truth_in_95_of_100_cases) {
    Generator generator(1);
    int covered = 0;
    constexpr int cases = 4000;
    for (int i = 0; i < cases; ++i) {
        const auto mean = mean_of(trainings({0.8}, 4, 0.01, 0, generator).at(0)).value();
        if (std::abs(mean.mean - 0.8) <= mean.margin.value()) ++covered;
    }
    // 0.95 with a standard error of sqrt(0.95*0.05/4000) = 0.0034; four of them.
    EXPECT_NEAR(covered / double{cases}, 0.95, 0.014);
}

TEST(PairedDifference, uses_the_seeds_that_both_have_and_loses_what_they_share) {
    const std::vector<std::optional<double>> a{1.0, 5.0, none, 9.5}, b{0.5, 4.5, 7.0, 9.0};
    const auto difference = paired_difference(a, b).value();
    EXPECT_EQ(difference.count, 3);
    EXPECT_DOUBLE_EQ(difference.mean, 0.5);
    EXPECT_DOUBLE_EQ(difference.margin.value(), 0) << "the seeds differ by far more";
}

TEST(PairedDifference, is_separated_where_its_interval_leaves_0_out) {
    EXPECT_TRUE(is_separated({.mean = -0.2, .margin = 0.1, .count = 3}));
    EXPECT_FALSE(is_separated({.mean = 0.1, .margin = 0.2, .count = 3}));
    EXPECT_FALSE(is_separated({.mean = 0.1, .margin = std::nullopt, .count = 1}));
}

Measured measured(const char* name, Values values) { return {name, std::move(values)}; }

TEST(Overall, is_the_mean_over_conditions_of_one_measure_where_all_have_a_value) {
    const std::vector<Measured> conditions{measured("accuracy", {{0.5, 0.7}, {0.1, 0.2}}),
                                           measured("accuracy", {{0.3, none}, {0.5, 0.4}})};
    const Overall all = overall(conditions);
    EXPECT_EQ(all.measure, "accuracy");
    EXPECT_DOUBLE_EQ(all.values[0][0].value(), 0.4);
    EXPECT_FALSE(all.values[0][1]);
    EXPECT_DOUBLE_EQ(all.values[1][1].value(), 0.3);
}

TEST(Overall, of_several_measures_does_not_depend_on_their_units) {
    const Values accuracies{{0.5, 0.6}, {0.7, 0.8}, {0.6, 0.7}}, ious{{10.0, 20.0}, {30.0, 28.0}, {15.0, 19.0}};
    Values scaled = ious;
    for (auto& layer : scaled)
        for (auto& value : layer) *value = 100 * *value + 7;
    const auto one = overall(std::vector{measured("accuracy", accuracies), measured("IoU", ious)});
    const auto other = overall(std::vector{measured("accuracy", accuracies), measured("IoU", scaled)});
    EXPECT_EQ(one.measure, "");
    for (std::size_t layer = 0; layer < 3; ++layer)
        for (std::size_t seed = 0; seed < 2; ++seed)
            EXPECT_NEAR(*one.values[layer][seed], *other.values[layer][seed], 1e-12);
    EXPECT_GT(one.values[1][0], one.values[0][0]);
    EXPECT_GT(one.values[1][0], one.values[2][0]);
}

TEST(Overall, of_several_measures_needs_a_seed_that_all_layers_have) {
    const Values accuracies{{0.5, none}, {none, 0.8}}, ious{{30.0, 20.0}, {10.0, 12.0}};
    const auto apart = overall(std::vector{measured("accuracy", accuracies), measured("IoU", ious)});
    for (const auto& layer : apart.values)
        for (const auto& value : layer) EXPECT_FALSE(value) << "accuracies are not comparable with shares of pixels";
    const Values lost{{0.5, 0.6}, {none, none}, {0.4, 0.3}}, known{{30.0, 20.0}, {10.0, 12.0}, {25.0, 21.0}};
    const auto without = overall(std::vector{measured("accuracy", lost), measured("IoU", known)});
    EXPECT_TRUE(without.values[0][0] && without.values[2][1]) << "a layer without values takes nothing from others";
    EXPECT_FALSE(without.values[1][0]);
}

Ranking ranked(const Values& values, std::uint64_t seed = 1) {
    Generator generator(seed);
    return rank(values, generator);
}

TEST(Ranking, puts_the_clearly_better_first_and_says_so) {
    Generator generator(2);
    const auto ranking = ranked(trainings({0.80, 0.90, 0.85}, 4, 0.002, 0.01, generator));
    EXPECT_THAT(ranking.order, ElementsAre(1, 2, 0));
    EXPECT_GT(ranking.standings[1].probability_best, 0.99);
    EXPECT_TRUE(ranking.standings[0].separated);
    EXPECT_NEAR(ranking.standings[0].effect, -0.1, 0.005);
    EXPECT_EQ(ranking.standings[0].first_rank, 3);
    EXPECT_FALSE(ranking.standings[1].separated) << "from itself";
}

TEST(Ranking, does_not_separate_what_lies_within_the_noise) {
    const Values values{{0.900, 0.903, 0.899}, {0.901, 0.900, 0.902}, {0.902, 0.898, 0.901}};
    for (const Standing& standing : ranked(values).standings) {
        EXPECT_FALSE(standing.separated);
        EXPECT_NEAR(standing.probability_best, 1.0 / 3, 0.15);
    }
}

TEST(Ranking, pairs_by_seed) {
    // Seeds differ by 0.1, layers by 0.01 with hardly any noise: unpaired, nothing could be told.
    const Values values{{0.5001, 0.6, 0.7002, 0.4}, {0.51, 0.6101, 0.71, 0.4102}};
    const auto ranking = ranked(values);
    EXPECT_THAT(ranking.order, ElementsAre(1, 0));
    EXPECT_TRUE(ranking.standings[0].separated);
    EXPECT_NEAR(ranking.standings[0].effect, -0.01, 0.001);
}

TEST(Ranking, corrects_for_the_seeds_that_a_layer_has) {
    // The second layer is better by 0.02 but was trained with the unlucky seeds alone.
    const Values values{{0.6, 0.5001, 0.7, 0.4}, {none, 0.52, none, 0.4201}, {0.55, 0.4501, 0.65, 0.35}};
    EXPECT_THAT(ranked(values).order, ElementsAre(1, 0, 2));
}

TEST(Ranking, separates_nothing_on_single_values_and_leaves_out_who_has_none) {
    const auto ranking = ranked({{0.9, none}, {0.1, none}, {none, none}});
    EXPECT_THAT(ranking.order, ElementsAre(0, 1));
    EXPECT_FALSE(ranking.standings[1].separated);
    EXPECT_TRUE(ranked({}).order.empty());
    EXPECT_TRUE(ranked({{none}}).order.empty());
    EXPECT_EQ(ranked({{0.5, 0.6}}).standings[0].probability_best, 1);
}

TEST(Ranking, bears_values_without_any_noise) {
    const auto ranking = ranked({{0.1, 0.1, 0.1}, {0.1, 0.1, 0.1}, {0.7, 0.7, 0.7}});
    EXPECT_EQ(ranking.order.front(), 2u);
    EXPECT_TRUE(ranking.standings[0].separated);
    const auto same = ranked({{0.1, 0.1}, {0.1, 0.1}});
    EXPECT_FALSE(same.standings[0].separated);
    EXPECT_FALSE(same.standings[1].separated);
}

TEST(Ranking, is_the_same_for_the_same_generator_and_nearly_so_for_another) {
    Generator generator(3);
    const Values values = trainings(true_values(8, 0.004, generator), 4, 0.004, 0.004, generator);
    const auto one = ranked(values), again = ranked(values), other = ranked(values, 2);
    for (std::size_t layer = 0; layer < values.size(); ++layer) {
        EXPECT_EQ(one.standings[layer].effect, again.standings[layer].effect);
        EXPECT_NEAR(one.standings[layer].probability_best, other.standings[layer].probability_best, 0.05);
    }
}

/// What is said over many re-evaluations, beside what was true.
struct Calibration {
    static constexpr int bins = 5;
    std::array<double, bins> said{}, happened{}, count{};
    double intervals = 0, covered = 0, wrongly_separated = 0, first_is_best = 0, said_of_first = 0, cases = 0;

    void add(const std::vector<double>& truth, const Ranking& ranking) {
        const auto best = static_cast<std::size_t>(std::ranges::max_element(truth) - truth.begin());
        for (std::size_t layer = 0; layer < truth.size(); ++layer) {
            const Standing& standing = ranking.standings[layer];
            const auto bin =
                std::min(static_cast<std::size_t>(standing.probability_best * bins), std::size_t{bins - 1});
            said.at(bin) += standing.probability_best;
            happened.at(bin) += layer == best ? 1 : 0;
            count.at(bin) += 1;
            if (layer == ranking.order.front()) continue;
            const double difference = truth[layer] - truth[ranking.order.front()];
            intervals += 1;
            covered += standing.low <= difference && difference <= standing.high ? 1 : 0;
        }
        cases += 1;
        first_is_best += ranking.order.front() == best ? 1 : 0;
        said_of_first += ranking.standings[ranking.order.front()].probability_best;
        wrongly_separated += ranking.standings[best].separated ? 1 : 0;
    }
};

/// Eight layers whose true values lie around each other as far as the noise of a mean over the seeds.
Calibration calibrate(int cases, int seeds, std::uint64_t seed) {
    Generator generator(seed);
    Calibration calibration;
    for (int i = 0; i < cases; ++i) {
        const auto truth = true_values(8, 0.003, generator);
        calibration.add(truth, rank(trainings(truth, seeds, 0.004, 0.006, generator), generator));
    }
    return calibration;
}

TEST(RankingCalibration, differences_lie_in_their_intervals_in_95_of_100_cases) {
    for (const int seeds : {3, 6}) {
        const auto calibration = calibrate(250, seeds, 4);
        // The seven differences of a case share the best layer, so they count as little more than 250 of their own:
        // ±0.014.
        EXPECT_NEAR(calibration.covered / calibration.intervals, 0.95, 0.04) << seeds << " seeds";
        EXPECT_LT(calibration.wrongly_separated / calibration.cases, 0.05) << "the best one is called worse";
    }
}

TEST(RankingCalibration, probabilities_of_being_best_come_true_about_as_often_as_they_say) {
    const auto calibration = calibrate(400, 4, 5);
    // Measured over 1,000 re-evaluations, the layer put first is best in 54.8% where the model says 50.3%: it is
    // cautious by some points. So six points, and three standard errors of a share of so many.
    const auto expect_near = [](double happened, double said, double count) {
        EXPECT_NEAR(happened, said, 0.06 + 3 * std::sqrt(said * (1 - said) / count)) << "of " << count;
    };
    for (std::size_t bin = 0; bin < Calibration::bins; ++bin) {
        const double count = calibration.count.at(bin);
        ASSERT_GT(count, 20) << "bin " << bin;
        expect_near(calibration.happened.at(bin) / count, calibration.said.at(bin) / count, count);
    }
    expect_near(calibration.first_is_best / calibration.cases, calibration.said_of_first / calibration.cases,
                calibration.cases);
}

}  // namespace
}  // namespace normact::results
