#include "tools/search_progress.h"

#include <gtest/gtest.h>

namespace normact::tools {
namespace {

const results::Funnel none{};

TEST(TimeLeft, is_unknown_without_a_budget) {
    EXPECT_FALSE(time_left({}, none, {.proposed = 10, .scored = 5}, Seconds(10)));
}

TEST(TimeLeft, of_minutes_is_what_remains_of_them) {
    EXPECT_EQ(time_left({.minutes = 2}, none, none, Seconds(30)), Seconds(90));
    EXPECT_EQ(time_left({.minutes = 2}, none, none, Seconds(130)), Seconds(0));
}

TEST(TimeLeft, of_a_count_follows_the_pace_of_this_run) {
    const results::Funnel start{.scored = 100};
    EXPECT_FALSE(time_left({.scored = 200}, start, start, Seconds(5))) << "no pace yet";
    const auto left = time_left({.scored = 200}, start, {.scored = 120}, Seconds(10));
    ASSERT_TRUE(left);
    EXPECT_DOUBLE_EQ(left->count(), 40);  // 80 more at two a second
    EXPECT_EQ(time_left({.scored = 200}, start, {.scored = 201}, Seconds(10)), Seconds(0));
}

TEST(TimeLeft, is_that_of_the_limit_reached_first) {
    const auto left =
        time_left({.scored = 1000, .proposed = 20, .minutes = 60}, none, {.proposed = 10, .scored = 1}, Seconds(10));
    ASSERT_TRUE(left);
    EXPECT_DOUBLE_EQ(left->count(), 10);
}

}  // namespace
}  // namespace normact::tools
