#include "tools/terminal.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

namespace normact::tools {
namespace {

TEST(Terminal, leaves_ordinary_text_alone) {
    EXPECT_EQ(printable("x*sigmoid(v1*x) → µ, 漢字 🙂"), "x*sigmoid(v1*x) → µ, 漢字 🙂");
}

TEST(Terminal, escapes_what_steers_a_terminal) {
    EXPECT_EQ(printable("\x1b[31mred\x07"), "\\u001b[31mred\\u0007");
    EXPECT_EQ(printable("a\nb\tc\x7f"), "a\\nb\\u0009c\\u007f");
    EXPECT_EQ(printable("\xc2\x9b"
                        "31m"),
              "\\u009b31m")
        << "the one-byte CSI";
    EXPECT_EQ(printable("\xe2\x80\xae"
                        "evil"),
              "\\u202eevil")
        << "right-to-left override";
    EXPECT_EQ(printable_lines("a\nb\r\n"), "a\nb\\u000d\n");
}

TEST(Terminal, escapes_bytes_that_are_no_text) {
    EXPECT_EQ(printable("\xff"), "\\xff");
    EXPECT_EQ(printable("\xc0\xaf"), "\\xc0\\xaf") << "overlong";
    EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80") << "surrogate";
    EXPECT_EQ(printable("a\xe2\x82"), "a\\xe2\\x82") << "cut off";
}

RC_GTEST_PROP(Terminal, never_lets_a_control_byte_through, (const std::string& text)) {
    RC_ASSERT(std::ranges::none_of(printable(text),
                                   [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }));
}

TEST(Terminal, cuts_to_columns_not_bytes) {
    EXPECT_EQ(columns("→→→"), 3U);
    EXPECT_EQ(clipped("→→→", 3), "→→→");
    EXPECT_EQ(clipped("→→→→", 3), "→→…");
    EXPECT_EQ(clipped("abc", 1), "…");
    EXPECT_EQ(clipped("abc", 0), "");
}

RC_GTEST_PROP(Terminal, a_cut_text_fits, (const std::string& text)) {
    const auto width = *rc::gen::inRange<std::size_t>(0, 20);
    RC_ASSERT(columns(clipped(printable(text), width)) <= width);
}

}  // namespace
}  // namespace normact::tools
