#include "search/population.h"

#include "search/samples.h"

#include <gtest/gtest.h>

namespace normact::search {
namespace {

std::vector<results::CandidateId> ids(const Population& population) {
    std::vector<results::CandidateId> ids;
    ids.reserve(population.size());
    for (std::size_t i = 0; i < population.size(); ++i) ids.push_back(population[i].id);
    return ids;
}

Population with_members(int window, int members) {
    Population population(window);
    for (int id = 1; id <= members; ++id) population.add(member(id, {1.0 / id}));
    return population;
}

TEST(Population, holds_all_while_the_window_is_not_full) {
    EXPECT_EQ(ids(with_members(5, 4)), (std::vector<results::CandidateId>{1, 2, 3, 4}));
}

TEST(Population, drops_the_oldest_however_good_it_is) {
    EXPECT_EQ(ids(with_members(3, 5)), (std::vector<results::CandidateId>{3, 4, 5}));
}

TEST(Population, keeps_all_with_window_0) { EXPECT_EQ(with_members(0, 5000).size(), 5000U); }

TEST(Population, averages_a_members_accuracies) {
    EXPECT_DOUBLE_EQ(mean_accuracy(member(1, {0.25, 0.5, 0.75})), 0.5);
    EXPECT_EQ(mean_accuracy(member(1, {})), 0);
}

}  // namespace
}  // namespace normact::search
