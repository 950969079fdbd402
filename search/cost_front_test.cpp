#include "search/cost_front.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <limits>

namespace normact::search {
namespace {

using Front = std::vector<std::size_t>;

TEST(CostFront, holds_what_is_better_than_all_that_is_cheaper) {
    EXPECT_EQ(cost_front(std::vector<WorthAndCost>{{0.5, 20}, {0.7, 32}, {0.6, 40}, {0.5, 12}}), (Front{3, 1}));
    EXPECT_EQ(cost_front(std::vector<WorthAndCost>{{0.5, 20}, {0.5, 20}, {0.4, 20}}), (Front{0}));
    EXPECT_EQ(cost_front({}), Front{});
}

TEST(CostFront, leaves_out_what_is_no_number) {
    constexpr double none = std::numeric_limits<double>::quiet_NaN();
    EXPECT_EQ(cost_front(std::vector<WorthAndCost>{{none, 1}, {0.1, none}, {0.2, 3}}), (Front{2}));
}

RC_GTEST_PROP(CostFront, is_what_no_other_point_beats,
              (const std::vector<std::pair<unsigned char, unsigned char>>& raw)) {
    std::vector<WorthAndCost> points;
    for (const auto& [accuracy, cost] : raw)
        points.push_back({static_cast<double>(accuracy % 8), static_cast<double>(cost % 8)});
    const Front front = cost_front(points);
    for (std::size_t i = 0; i < points.size(); ++i) {
        const auto beats_or_comes_before = [&](std::size_t j) {
            const auto &a = points[j], &b = points[i];
            if (a.accuracy < b.accuracy || a.cost > b.cost) return false;
            return a.accuracy > b.accuracy || a.cost < b.cost || j < i;
        };
        bool beaten = false;
        for (std::size_t j = 0; j < points.size(); ++j) beaten |= j != i && beats_or_comes_before(j);
        RC_ASSERT((std::ranges::count(front, i) == 1) == !beaten);
    }
}

}  // namespace
}  // namespace normact::search
