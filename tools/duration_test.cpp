#include "tools/duration.h"

#include <gtest/gtest.h>

namespace normact::tools {
namespace {

TEST(Duration, reads_like_a_clock) {
    EXPECT_EQ(clock_text(Seconds(0)), "0:00");
    EXPECT_EQ(clock_text(Seconds(59.6)), "1:00");
    EXPECT_EQ(clock_text(Seconds(245)), "4:05");
    EXPECT_EQ(clock_text(Seconds(3845)), "1:04:05");
    EXPECT_EQ(clock_text(Seconds(-1)), "0:00");
}

TEST(Duration, comes_in_the_unit_that_suits_it) {
    EXPECT_EQ(duration_text(Seconds(0.26)), "0.3 s");
    EXPECT_EQ(duration_text(Seconds(12.4)), "12 s");
    EXPECT_EQ(duration_text(Seconds(270)), "4.5 min");
    EXPECT_EQ(duration_text(Seconds(7560)), "2.1 h");
}

TEST(Duration, counts_an_hour_with_three_digits) {
    EXPECT_EQ(count_per_hour(5287, Seconds(240.02)), "79300");
    EXPECT_EQ(count_per_hour(7, Seconds(3600)), "7");
    EXPECT_EQ(count_per_hour(0, Seconds(10)), "0");
    EXPECT_EQ(count_per_hour(5, Seconds(0)), "0");
}

}  // namespace
}  // namespace normact::tools
