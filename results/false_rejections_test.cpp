#include "results/false_rejections.h"

#include "results/study_file.h"

#include <gtest/gtest.h>

#include <cmath>

namespace normact::results {
namespace {

using proxy_tasks::Rejection;

/// The ends of Wilson's interval are the shares whose own normal interval just reaches what was counted.
TEST(Proportion, ends_where_the_count_is_196_hundredths_of_a_deviation_away) {
    for (const auto& [count, of] : {std::pair(1, 10), std::pair(7, 20), std::pair(199, 200)}) {
        const Proportion found = proportion(count, of);
        const double share = static_cast<double>(count) / of;
        for (const double end : {found.low, found.high})
            EXPECT_NEAR(std::abs(share - end) / std::sqrt(end * (1 - end) / of), 1.959963984540054, 1e-9) << count;
        EXPECT_LT(found.low, share);
        EXPECT_GT(found.high, share);
    }
}

TEST(Proportion, says_something_of_none_and_all_and_nothing_of_an_empty_sample) {
    EXPECT_EQ(proportion(0, 20).low, 0);
    EXPECT_NEAR(proportion(0, 20).high, 0.1611, 1e-4);  // z²/(n + z²)
    EXPECT_NEAR(proportion(20, 20).low, 1 - 0.1611, 1e-4);
    EXPECT_EQ(proportion(20, 20).high, 1);
    EXPECT_EQ(proportion(0, 0).low, 0);
    EXPECT_EQ(proportion(0, 0).high, 1);
    EXPECT_THROW(proportion(3, 2), std::invalid_argument);
}

class JudgedFilters : public testing::Test {
  protected:
    void finish(const proxy_tasks::Outcome& outcome) {
        store->propose(worker, proposal(++functions), long_lease);
        store->finish(worker, proposal(functions).fingerprint, outcome);
    }
    void audit(Rejection filter, double accuracy) { finish(audited(filter, accuracy, accuracy)); }

    StudyFile study{"{}"};
    std::unique_ptr<Store> store = study.open();
    WorkerId worker = store->add_worker({});
    std::uint64_t functions = 0;
};

TEST_F(JudgedFilters, call_a_rejection_false_that_the_median_of_the_scored_does_not_beat) {
    for (int i = 1; i <= 11; ++i) finish(scored(0.05 * i, 0.05 * i));  // the median is 0.3, the tenth best 0.1
    for (const double accuracy : {0.05, 0.2, 0.31, 0.9}) audit(Rejection::quality, accuracy);
    finish(rejected(Rejection::quality));
    finish(rejected(Rejection::stability));
    const FalseRejections found = judge_filters(*store);
    EXPECT_EQ(judge_filters(*study.look()).median, found.median);
    EXPECT_EQ(judge_filters(*study.look()).audited(), found.audited());
    EXPECT_NEAR(*found.median, 0.3, 1e-12);
    EXPECT_NEAR(*found.accuracy_of_best, 0.1, 1e-12);
    EXPECT_EQ(found.audited(), 4);
    ASSERT_EQ(found.filters.size(), 2U);
    const auto& [quality, stability] = std::pair(found.filters[0], found.filters[1]);
    EXPECT_EQ(quality.filter, Rejection::quality);
    EXPECT_EQ(quality.rejected, 5);
    EXPECT_EQ(quality.audited, 4);
    EXPECT_EQ(quality.false_rejections.count, 2);
    EXPECT_EQ(quality.false_rejections.of, 4);
    EXPECT_EQ(quality.as_good_as_best.count, 3);
    EXPECT_EQ(quality.as_good_as_best.of, 4);
    EXPECT_EQ(quality.best, 0.9);
    EXPECT_EQ(stability.rejected, 1);
    EXPECT_EQ(stability.false_rejections.of, 0);
    EXPECT_EQ(stability.best, std::nullopt);
}

TEST_F(JudgedFilters, have_no_false_rejections_while_nothing_is_scored) {
    audit(Rejection::stability, 0.9);
    const FalseRejections found = judge_filters(*store);
    EXPECT_FALSE(found.median);
    EXPECT_FALSE(found.accuracy_of_best);
    EXPECT_EQ(found.audited(), 1);
    EXPECT_EQ(found.filters[1].audited, 1);
    EXPECT_EQ(found.filters[1].false_rejections.of, 0) << "nothing to compare with: the share is not 0, but unknown";
    EXPECT_EQ(found.filters[1].false_rejections.high, 1);
    EXPECT_EQ(found.filters[1].as_good_as_best.of, 0);
}

TEST_F(JudgedFilters, know_no_share_of_the_best_while_fewer_than_ten_are_scored) {
    for (int i = 1; i <= 9; ++i) finish(scored(0.05 * i, 0.05 * i));
    audit(Rejection::quality, 0.9);
    const FalseRejections found = judge_filters(*store);
    EXPECT_FALSE(found.accuracy_of_best);
    EXPECT_EQ(found.filters[0].false_rejections.count, 1);
    EXPECT_EQ(found.filters[0].false_rejections.of, 1);
    EXPECT_EQ(found.filters[0].as_good_as_best.of, 0);
}

}  // namespace
}  // namespace normact::results
