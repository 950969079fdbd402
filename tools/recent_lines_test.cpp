#include "tools/recent_lines.h"

#include "tools/terminal.h"

#include <gtest/gtest.h>

namespace normact::tools {
namespace {

TEST(RecentLines, are_the_last_ten_oldest_first) {
    RecentLines lines;
    EXPECT_EQ(lines.text(), "");
    for (int line = 1; line <= 12; ++line) lines.add(std::to_string(line));
    EXPECT_EQ(lines.text(), "3\n4\n5\n6\n7\n8\n9\n10\n11\n12");
}

TEST(RecentLines, are_bounded_and_printable) {
    RecentLines lines;
    lines.add(std::string(1000, 'x'));
    EXPECT_EQ(columns(lines.text()), 200u);
    RecentLines hostile;
    hostile.add("a\nb\x1b[2J\xff");
    EXPECT_EQ(hostile.text(), "a\\nb\\u001b[2J\\xff");
}

}  // namespace
}  // namespace normact::tools
