#include "results/halving.h"

#include "results/noisy_layers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

namespace normact::results {
namespace {

using testing::ElementsAre;

constexpr auto nothing_is_lost = [](const Slot&) { return false; };

/// A race over layers whose values are known, of which each is told when it is asked for.
struct Told {
    std::vector<Values> truth;  ///< of each condition
    std::vector<Measured> conditions;
    int trainings = 0;

    explicit Told(std::vector<Values> values) : truth(std::move(values)) {
        for (Values known : truth) {
            for (auto& layer : known) std::ranges::fill(layer, std::nullopt);
            conditions.push_back({"accuracy", known});
        }
    }
    void tell(const Slot& slot) {
        const auto seed = static_cast<std::size_t>(slot.seed);
        conditions[slot.condition].values[slot.layer][seed] = truth[slot.condition][slot.layer][seed];
        ++trainings;
    }
    /// Runs the race to its end; of what is missing, so many are told before it is asked again.
    Race run(int seeds, std::size_t at_once = 1) {
        for (;;) {
            const Race now = race(conditions, seeds, nothing_is_lost);
            if (now.missing.empty()) return now;
            for (std::size_t i = 0; i < std::min(at_once, now.missing.size()); ++i) tell(now.missing[i]);
        }
    }
};

TEST(Rounds, double_up_to_all_seeds) {
    EXPECT_THAT(rounds_of(1), ElementsAre(1));
    EXPECT_THAT(rounds_of(3), ElementsAre(3));
    EXPECT_THAT(rounds_of(4), ElementsAre(3, 4));
    EXPECT_THAT(rounds_of(20), ElementsAre(3, 6, 12, 20));
}

TEST(Race, begins_with_every_layer_and_the_first_seed) {
    Told told({Values(2, {1.0, 1.0, 1.0}), Values(2, {1.0, 1.0, 1.0})});
    const Race start = race(told.conditions, 3, nothing_is_lost);
    ASSERT_EQ(start.missing.size(), 12u);
    EXPECT_EQ(start.missing[0], (Slot{0, 0, 0}));
    EXPECT_EQ(start.missing[1], (Slot{0, 1, 0}));
    EXPECT_EQ(start.missing[2], (Slot{1, 0, 0}));
    EXPECT_EQ(start.missing[4], (Slot{0, 0, 1}));
}

TEST(Race, spends_seeds_where_the_order_is_undecided) {
    Generator generator(1);
    Told told({trainings({0.90, 0.899, 0.5, 0.4, 0.3, 0.2}, 12, 0.005, 0.01, generator)});
    const Race end = told.run(12);
    EXPECT_THAT(end.seeds, ElementsAre(12, 12, 6, 3, 3, 3));
    EXPECT_THAT(end.running, ElementsAre(true, true, false, false, false, false));
    EXPECT_EQ(told.trainings, 12 + 12 + 6 + 3 + 3 + 3);
}

TEST(Race, drops_nobody_who_may_be_as_good) {
    Generator generator(2);
    Told told({trainings({0.9, 0.9, 0.9, 0.9}, 6, 0.01, 0.01, generator)});
    EXPECT_THAT(told.run(6).running, ElementsAre(true, true, true, true));
}

TEST(Race, asks_for_the_same_trainings_in_whatever_order_they_come) {
    Generator generator(3);
    const Values values = trainings(true_values(6, 0.01, generator), 7, 0.01, 0.01, generator);
    Told one({values, values}), many({values, values});
    EXPECT_EQ(one.run(7, 1).seeds, many.run(7, 5).seeds);
    EXPECT_EQ(one.trainings, many.trainings);
}

TEST(Race, keeps_its_first_rounds_when_more_seeds_are_asked_for) {
    Generator generator(4);
    Told told({trainings({0.9, 0.89, 0.5, 0.4}, 24, 0.005, 0.01, generator)});
    const auto short_race = told.run(6);
    const int before = told.trainings;
    const auto long_race = told.run(24);
    EXPECT_GT(told.trainings, before);
    for (std::size_t layer = 0; layer < 4; ++layer) EXPECT_GE(long_race.seeds[layer], short_race.seeds[layer]);
    EXPECT_THAT(long_race.seeds, ElementsAre(24, testing::Ge(6), 3, 3));
}

TEST(Race, goes_on_without_what_is_lost) {
    Told told({Values{{0.9, 0.91, 0.9}, {0.5, 0.51, 0.5}}});
    const auto lost = [](const Slot& slot) { return slot.layer == 1 && slot.seed == 2; };
    for (Race now = race(told.conditions, 3, lost); !now.missing.empty(); now = race(told.conditions, 3, lost))
        told.tell(now.missing.front());
    EXPECT_EQ(told.trainings, 5);
}

TEST(Race, finds_the_best_layer_for_less_than_all_seeds_for_all) {
    Generator generator(5);
    int found = 0, trained = 0;
    constexpr int races = 40, layers = 12, seeds = 12;
    for (int i = 0; i < races; ++i) {
        const auto truth = true_values(layers, 0.01, generator);
        Told told({trainings(truth, seeds, 0.004, 0.004, generator)});
        const Race end = told.run(seeds, 36);
        trained += told.trainings;
        const auto best = static_cast<std::size_t>(std::ranges::max_element(truth) - truth.begin());
        found += end.running[best] ? 1 : 0;
    }
    EXPECT_GE(found, races - 3) << "the truly best layer is still there at the end";
    EXPECT_LT(trained, 0.6 * races * layers * seeds);
}

}  // namespace
}  // namespace normact::results
