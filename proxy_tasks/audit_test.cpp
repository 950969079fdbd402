#include "proxy_tasks/audit.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace normact::proxy_tasks {
namespace {

constexpr std::uint64_t layers = 20000;

std::vector<std::uint64_t> audited(double share, std::uint64_t seed) {
    std::vector<std::uint64_t> chosen;
    for (std::uint64_t layer = 0; layer < layers; ++layer)
        if (is_audited(share, seed, {7, layer})) chosen.push_back(layer);
    return chosen;
}

TEST(Audit, takes_the_share_that_is_asked_for) {
    EXPECT_TRUE(audited(0, 1).empty());
    EXPECT_EQ(audited(1, 1).size(), layers);
    for (const double share : {0.01, 0.3}) {
        const double expected = share * layers;
        const double deviation = std::sqrt(expected * (1 - share));  // of a binomial count; 5 of them: once in 10^6
        EXPECT_NEAR(static_cast<double>(audited(share, 1).size()), expected, 5 * deviation);
    }
}

TEST(Audit, is_the_same_every_time_and_another_for_another_seed) {
    EXPECT_EQ(audited(0.01, 1), audited(0.01, 1));
    EXPECT_NE(audited(0.01, 1), audited(0.01, 2));
}

TEST(Audit, of_a_larger_share_holds_that_of_a_smaller_one) {
    for (const std::uint64_t layer : audited(0.01, 1)) EXPECT_TRUE(is_audited(0.05, 1, {7, layer}));
}

}  // namespace
}  // namespace normact::proxy_tasks
