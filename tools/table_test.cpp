#include "tools/table.h"

#include <gtest/gtest.h>

namespace normact::tools {
namespace {

using Side = Column::Side;

TEST(Table, lines_up_numbers_right_and_words_left) {
    EXPECT_EQ(aligned({{"rank", Side::right}, {"layer", Side::left}, {"n", Side::right}},
                      {{"1", "ReLU", "10"}, {"12", "→", "5"}}),
              "rank  layer   n\n"
              "   1  ReLU   10\n"
              "  12  →       5\n");
}

TEST(Table, is_cut_to_a_terminal) {
    EXPECT_EQ(aligned({{"a"}, {"layer"}}, {{"1", "x*sigmoid(x)"}}, 8), "a  layer\n1  x*si…\n");
}

TEST(Table, escapes_control_characters) { EXPECT_EQ(aligned({{"a"}}, {{"\x1b[2J"}}), "a\n\\u001b[2J\n"); }

}  // namespace
}  // namespace normact::tools
