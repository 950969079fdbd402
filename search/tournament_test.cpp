#include "search/tournament.h"

#include "search/samples.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

namespace normact::search {
namespace {

/// Accuracies over two anchors: 0, 1 and 2 form the Pareto front, 3 is beaten by 1, 4 by all; 5 equals 1.
Population sample() {
    Population population(0);
    population.add(member(10, {0.9, 0.1}));
    population.add(member(11, {0.6, 0.6}));
    population.add(member(12, {0.1, 0.9}));
    population.add(member(13, {0.6, 0.5}));
    population.add(member(14, {0.05, 0.05}));
    population.add(member(15, {0.6, 0.6}));
    return population;
}

std::vector<int> count_winners(const Population& population, double share, Choice choice, int draws) {
    Generator generator(20);
    std::vector<int> wins(population.size());
    for (int i = 0; i < draws; ++i) ++wins[tournament(generator, population, share, choice)];
    return wins;
}

TEST(Tournament, takes_a_rounded_share_but_at_least_one) {
    EXPECT_EQ(tournament_size(2500, 0.05), 125U);
    EXPECT_EQ(tournament_size(30, 0.05), 2U);
    EXPECT_EQ(tournament_size(3, 0.05), 1U);
    EXPECT_EQ(tournament_size(7, 1.0), 7U);
}

TEST(Tournament, draws_nobody_twice) {
    Generator generator(21);
    for (std::size_t count = 0; count <= 20; ++count) {
        auto drawn = draw_without_replacement(generator, 20, count);
        std::ranges::sort(drawn);
        EXPECT_EQ(drawn.size(), count);
        EXPECT_EQ(std::ranges::adjacent_find(drawn), drawn.end());
        EXPECT_TRUE(drawn.empty() || drawn.back() < 20);
    }
}

TEST(Tournament, draws_every_set_equally_often) {
    Generator generator(22);
    std::map<std::vector<std::size_t>, int> times;
    for (int i = 0; i < 30000; ++i) {
        auto drawn = draw_without_replacement(generator, 6, 3);
        std::ranges::sort(drawn);
        ++times[drawn];
    }
    std::vector<int> counts;
    counts.reserve(times.size());
    for (const auto& [set, count] : times) counts.push_back(count);
    ASSERT_EQ(counts.size(), 20U) << "6 choose 3";
    EXPECT_LT(chi_square(counts), rare_chi_square(20));
}

TEST(ParetoFront, holds_whom_nobody_beats) {
    EXPECT_EQ(pareto_front(sample(), {0, 1, 2, 3, 4, 5}), (std::vector<std::size_t>{0, 1, 2, 5}));
    EXPECT_EQ(pareto_front(sample(), {4, 3}), (std::vector<std::size_t>{3}));
}

TEST(ParetoFront, judges_entrants_by_entrants_alone) {
    EXPECT_EQ(pareto_front(sample(), {4}), (std::vector<std::size_t>{4}));
}

TEST(ParetoFront, with_one_anchor_is_the_best) {
    Population population(0);
    for (const double accuracy : {0.2, 0.7, 0.5, 0.7}) population.add(member(1, {accuracy}));
    EXPECT_EQ(pareto_front(population, {0, 1, 2, 3}), (std::vector<std::size_t>{1, 3}));
}

TEST(Tournament, lets_each_member_of_the_front_win_equally_often) {
    const auto wins = count_winners(sample(), 1.0, Choice::pareto, 20000);
    EXPECT_EQ(wins[3] + wins[4], 0);
    EXPECT_LT(chi_square({wins[0], wins[1], wins[2], wins[5]}), rare_chi_square(4));
}

TEST(Tournament, by_mean_lets_the_best_mean_win_and_equals_share) {
    const auto wins = count_winners(sample(), 1.0, Choice::mean, 20000);
    EXPECT_EQ(wins[0] + wins[2] + wins[3] + wins[4], 0);
    EXPECT_LT(chi_square({wins[1], wins[5]}), rare_chi_square(2));
}

/// With k of n drawn, the member of rank r (0 the best) wins if it is drawn and no better one is:
/// C(n-1-r, k-1) / C(n, k).
TEST(Tournament, prefers_good_members_as_strongly_as_its_size_says) {
    constexpr int n = 10;
    Population population(0);
    for (int rank = 0; rank < n; ++rank) population.add(member(rank, {1.0 - 0.05 * rank}));
    std::vector<double> probabilities;  // k = 3
    for (int rank = 0; rank <= n - 3; ++rank) probabilities.push_back((n - 1 - rank) * (n - 2 - rank) / 2.0 / 120.0);
    for (const Choice choice : {Choice::pareto, Choice::mean}) {
        auto wins = count_winners(population, 0.3, choice, 50000);
        EXPECT_EQ(wins[8] + wins[9], 0) << "two worst of ten never win among three";
        wins.resize(8);
        EXPECT_LT(chi_square(wins, probabilities), rare_chi_square(8));
    }
}

TEST(Tournament, of_one_entrant_is_uniform) {
    EXPECT_LT(chi_square(count_winners(sample(), 0.01, Choice::pareto, 20000)), rare_chi_square(6));
}

TEST(ParetoFront, counts_cost_as_one_more_axis_on_which_less_is_better) {
    Population population(0);
    for (const auto& [accuracy, cost] :
         {std::pair(0.5, 20.0), std::pair(0.7, 32.0), std::pair(0.6, 40.0), std::pair(0.5, 12.0)}) {
        Member entrant = member(1, {accuracy});
        entrant.cost = cost;
        population.add(entrant);
    }
    EXPECT_EQ(pareto_front(population, {0, 1, 2, 3}), (std::vector<std::size_t>{1, 3}));
}

TEST(CostOf, a_layer_is_what_its_schedules_move_or_compute) {
    const auto cost = [](const char* layer) { return cost_of(primitives::parse_text(layer), Cost::bytes); };
    EXPECT_EQ(cost("max(x, zero)"), 8 + 12) << "forward reads x and writes y, backward reads two and writes one";
    EXPECT_EQ(cost("max(x, zero)/std_batch(x)"), 12 + 20) << "one barrier each: tensors are read once more";
    EXPECT_LT(cost_of(primitives::parse_text("max(x, zero)"), Cost::operations),
              cost_of(primitives::parse_text("tanh(x)"), Cost::operations));
    EXPECT_EQ(cost_of(primitives::parse_text("max(x, zero)"), Cost::none), 0);
}

}  // namespace
}  // namespace normact::search
