#include "primitives/nearest_name.h"

#include <gtest/gtest.h>

namespace normact::primitives {
namespace {

const std::vector<std::string> names{"window", "tournament", "choice"};

TEST(NearestName, forgives_slips) {
    EXPECT_EQ(nearest_name("windw", names), "window");
    EXPECT_EQ(nearest_name("Tournement", names), "tournament");
    EXPECT_EQ(nearest_name("choices", names), "choice");
}

TEST(NearestName, is_nothing_for_another_word) {
    EXPECT_EQ(nearest_name("mutation", names), std::nullopt);
    EXPECT_EQ(nearest_name("", names), std::nullopt);
    EXPECT_EQ(nearest_name("window", {}), std::nullopt);
    EXPECT_EQ(nearest_name(std::string(100000, 'w'), names), std::nullopt);
}

TEST(NearestName, takes_the_first_of_equally_near_ones) { EXPECT_EQ(nearest_name("cat", {"hat", "rat"}), "hat"); }

}  // namespace
}  // namespace normact::primitives
