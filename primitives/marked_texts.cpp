#include "primitives/marked_texts.h"

#include "primitives/text.h"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <string_view>

namespace normact::primitives {
namespace {

using Words = std::vector<std::string_view>;

/// Names and numbers, and each other character by itself; blanks are left out.
Words words_of(std::string_view text) {
    const auto is_part_of_a_name = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; };
    Words words;
    for (std::size_t at = 0; at < text.size();) {
        std::size_t end = at + 1;
        if (is_part_of_a_name(text[at]))
            while (end < text.size() && is_part_of_a_name(text[end])) ++end;
        if (text[at] != ' ') words.push_back(text.substr(at, end - at));
        at = end;
    }
    return words;
}

/// For each word of both whether it is part of a longest common subsequence.
struct Common {
    std::vector<bool> first, second;
};

Common common_words(const Words& a, const Words& b) {
    Common common{std::vector<bool>(a.size(), false), std::vector<bool>(b.size(), false)};
    std::size_t begin = 0, a_end = a.size(), b_end = b.size();
    for (; begin < std::min(a_end, b_end) && a[begin] == b[begin]; ++begin)
        common.first[begin] = common.second[begin] = true;
    for (; a_end > begin && b_end > begin && a[a_end - 1] == b[b_end - 1]; --a_end, --b_end)
        common.first[a_end - 1] = common.second[b_end - 1] = true;
    const std::size_t rows = a_end - begin, columns = b_end - begin;
    constexpr std::size_t most_cells = 16'000'000;  // beyond that, all between the common ends is another text
    if ((rows + 1) * (columns + 1) > most_cells) return common;
    std::vector<std::uint16_t> length((rows + 1) * (columns + 1), 0);  // of what is common from here on
    const auto at = [&](std::size_t i, std::size_t j) -> std::uint16_t& { return length[i * (columns + 1) + j]; };
    for (std::size_t i = rows; i-- > 0;)
        for (std::size_t j = columns; j-- > 0;)
            at(i, j) = a[begin + i] == b[begin + j] ? static_cast<std::uint16_t>(at(i + 1, j + 1) + 1)
                                                    : std::max(at(i + 1, j), at(i, j + 1));
    for (std::size_t i = 0, j = 0; i < rows && j < columns;) {
        if (a[begin + i] == b[begin + j])
            common.first[begin + i++] = common.second[begin + j++] = true;
        else if (at(i + 1, j) >= at(i, j + 1))
            ++i;
        else
            ++j;
    }
    return common;
}

std::vector<MarkedText::Mark> marks_of(const std::string& text, const Words& words, const std::vector<bool>& common) {
    std::vector<MarkedText::Mark> marks;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (common[i]) continue;
        const auto begin = static_cast<std::size_t>(words[i].data() - text.data()), end = begin + words[i].size();
        const bool continues = i > 0 && !common[i - 1];  // also over the blank between
        if (continues)
            marks.back().end = end;
        else
            marks.push_back({begin, end});
    }
    return marks;
}

}  // namespace

std::array<MarkedText, 2> marked_texts(const Difference& difference) {
    std::array<MarkedText, 2> texts{MarkedText{to_text(difference.before), {}},
                                    MarkedText{to_text(difference.after), {}}};
    const Words before = words_of(texts[0].text), after = words_of(texts[1].text);
    const Common common = common_words(before, after);
    texts[0].marks = marks_of(texts[0].text, before, common.first);
    texts[1].marks = marks_of(texts[1].text, after, common.second);
    return texts;
}

}  // namespace normact::primitives
