#include "primitives/hash.h"

#include "primitives/catalogue.h"
#include "primitives/graph_arbitrary.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace normact::primitives {
namespace {

TEST(Hash, names_layers_the_same_in_every_release_of_version_1) {
    // A change here renames every layer in every study. If that is really wanted, it is a new format version.
    EXPECT_EQ(to_string(hash(parse_text("x"))), "2e33d426ca2b6ec9ec6b7e19fff7a1af");
    EXPECT_EQ(to_string(hash(find_in_catalogue("BN-ReLU")->layer.graph)), "5c711e95b8fb53bb6f93abefe51ce77d");
    EXPECT_EQ(to_string(hash(find_in_catalogue("EvoNorm-B0")->layer.graph)), "f8d4c0a1fa695c5674eb3bc874d35a72");
    EXPECT_EQ(to_string(hash(find_in_catalogue("EvoNorm-S0")->layer.graph)), "c2b1301a41ec4b5d0643c7230e74c92e");
}

TEST(Hash, tells_operations_index_sets_and_order_apart) {
    const std::vector<std::string> texts{"x",
                                         "zero",
                                         "v0",
                                         "v1",
                                         "-x",
                                         "exp(x)",
                                         "x/v0",
                                         "v0/x",
                                         "x*v0",
                                         "mean_batch(x)",
                                         "mean_layer(x)",
                                         "rms_batch(x)",
                                         "x + v0",
                                         "x - v0",
                                         "max(x, v0)",
                                         "max(x, v1)",
                                         "exp(-x)",
                                         "-exp(x)"};
    for (const std::string& a : texts)
        for (const std::string& b : texts)
            EXPECT_EQ(hash(parse_text(a)) == hash(parse_text(b)), a == b) << a << ", " << b;
}

TEST(Hash, reads_exactly_32_hexadecimal_digits) {
    EXPECT_EQ(parse_hash("0123456789abcdefFEDCBA9876543210"),
              (Hash128{.high = 0x0123456789abcdef, .low = 0xfedcba9876543210}));
    for (const char* bad : {"", "12", "0123456789abcdef0123456789abcdeg", "0123456789abcdef0123456789abcdef0",
                            "+123456789abcdef0123456789abcdef", "0x23456789abcdef0123456789abcdef0"})
        EXPECT_EQ(parse_hash(bad), std::nullopt) << bad;
}

RC_GTEST_PROP(Hash, prints_and_reads_back, (std::uint64_t high, std::uint64_t low)) {
    const Hash128 hash{.high = high, .low = low};
    RC_ASSERT(parse_hash(to_string(hash)) == hash);
}

}  // namespace
}  // namespace normact::primitives
