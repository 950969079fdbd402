#include "primitives/marked_texts.h"

#include "primitives/graph_arbitrary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace normact::primitives {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> marked(const MarkedText& text) {
    std::vector<std::string> pieces;
    for (const auto& [begin, end] : text.marks) pieces.push_back(text.text.substr(begin, end - begin));
    return pieces;
}

std::array<MarkedText, 2> between(std::string_view before, std::string_view after) {
    return marked_texts(difference(parse_text(before), parse_text(after)));
}

TEST(MarkedTexts, mark_what_differs_and_nothing_else) {
    const auto [before, after] = between("x*sigmoid(v1*x)/std_group(x)", "x*sigmoid(v1*x)/std_batch(x)");
    EXPECT_THAT(marked(before), ElementsAre("std_group"));
    EXPECT_THAT(marked(after), ElementsAre("std_batch"));
    const auto [plain, wrapped] = between("x/std_batch(x)", "x/max(std_batch(x), v1*x)");
    EXPECT_THAT(marked(plain), IsEmpty());
    EXPECT_THAT(marked(wrapped), ElementsAre("max(x*v1,", ")"));
}

RC_GTEST_PROP(MarkedTexts, are_equal_where_nothing_is_marked, (const LayerGraph& a, const LayerGraph& b)) {
    const auto texts = marked_texts(difference(a, b));
    std::array<std::string, 2> rest;
    for (std::size_t which = 0; which < 2; ++which) {
        const auto& [text, marks] = texts.at(which);
        std::size_t at = 0;
        for (const auto& mark : marks) {
            RC_ASSERT(mark.begin >= at && mark.begin < mark.end && mark.end <= text.size());
            rest.at(which) += text.substr(at, mark.begin - at);
            at = mark.end;
        }
        rest.at(which) += text.substr(at);
        std::erase(rest.at(which), ' ');
    }
    RC_ASSERT(rest[0] == rest[1]);
}

}  // namespace
}  // namespace normact::primitives
