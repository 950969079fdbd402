#include "results/score_summary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <limits>
#include <numeric>

namespace normact::results {
namespace {

constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

std::vector<CandidateId> ids_of(const auto& points) {
    std::vector<CandidateId> ids;
    for (const auto& point : points) ids.push_back(point.candidate);
    return ids;
}

const std::vector<ScoredPoint> five{{1, 0.2, 50}, {2, 0.1, 10}, {3, 0.4, unknown}, {4, 0.4, 20}, {5, 0.5, 30}};

TEST(ScoreSummary, improves_where_a_layer_beats_all_before_it) {
    EXPECT_THAT(ids_of(improvements(five)), testing::ElementsAre(1, 3, 5));
    EXPECT_THAT(ids_of(improvements(in_order_of_time(five))), testing::ElementsAre(2, 4, 5));
    EXPECT_TRUE(improvements({}).empty());
}

TEST(ScoreSummary, leaves_unknown_times_out) {
    EXPECT_THAT(ids_of(in_order_of_time(five)), testing::ElementsAre(2, 4, 5, 1));
}

RC_GTEST_PROP(ScoreSummary, spaces_points_evenly, ()) {
    std::vector<ScoredPoint> points(*rc::gen::inRange<std::size_t>(1, 500));
    for (std::size_t i = 0; i < points.size(); ++i) points[i].candidate = static_cast<CandidateId>(i);
    const auto count = *rc::gen::inRange<std::size_t>(2, 60);
    const auto ids = ids_of(evenly_spaced(points, count));
    RC_ASSERT(ids.size() == std::min(count, points.size()));
    RC_ASSERT(ids.back() == points.back().candidate);
    if (ids.size() > 1) RC_ASSERT(ids.front() == 0);
    RC_ASSERT(std::ranges::adjacent_find(ids, std::greater_equal()) == ids.end());
}

TEST(ScoreSummary, counts_each_mean_in_one_bin) {
    const auto histogram = histogram_of_means(five, 4);
    EXPECT_EQ(histogram.least, 0.1);
    EXPECT_EQ(histogram.most, 0.5);
    EXPECT_THAT(histogram.counts, testing::ElementsAre(1, 1, 0, 3));
    const std::vector<ScoredPoint> equal{{1, 0.3, 0}, {2, 0.3, 0}};
    const auto counts = histogram_of_means(equal, 3).counts;
    EXPECT_EQ(std::accumulate(counts.begin(), counts.end(), std::int64_t{0}), 2);
    EXPECT_TRUE(histogram_of_means({}, 3).counts.empty());
}

RC_GTEST_PROP(ScoreSummary, has_on_the_front_what_nothing_dominates, ()) {
    const auto values = *rc::gen::container<std::vector<std::pair<int, int>>>(
        rc::gen::pair(rc::gen::inRange(0, 8), rc::gen::inRange(0, 8)));
    std::vector<CostPoint> points;
    for (const auto& [cost, mean] : values)
        points.push_back(
            {static_cast<CandidateId>(points.size()), static_cast<double>(cost), static_cast<double>(mean)});
    auto front = ids_of(pareto_front(points));
    std::ranges::sort(front);
    std::vector<CandidateId> expected;
    for (const auto& point : points)
        if (std::ranges::none_of(points, [&](const CostPoint& other) {
                return other.cost <= point.cost && other.mean >= point.mean &&
                       (other.cost < point.cost || other.mean > point.mean);
            }))
            expected.push_back(point.candidate);
    RC_ASSERT(front == expected);
}

}  // namespace
}  // namespace normact::results
