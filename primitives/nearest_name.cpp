#include "primitives/nearest_name.h"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <numeric>

namespace normact::primitives {
namespace {

bool same_letter(char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
}

/// Levenshtein's distance: insertions, deletions and replacements of letters.
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> above(b.size() + 1);
    std::iota(above.begin(), above.end(), std::size_t{0});
    for (std::size_t i = 0; i < a.size(); ++i) {
        std::vector<std::size_t> row{i + 1};
        for (std::size_t j = 0; j < b.size(); ++j) {
            row.push_back(std::min({above[j] + (same_letter(a[i], b[j]) ? 0 : 1), above[j + 1] + 1, row[j] + 1}));
        }
        above = std::move(row);
    }
    return above.back();
}

}  // namespace

std::optional<std::string> nearest_name(std::string_view word, const std::vector<std::string>& names) {
    constexpr std::size_t longest = 100;  // what is longer is no slip of the keyboard, and would take long
    if (word.size() > longest || names.empty()) return std::nullopt;
    const auto changes = [word](const std::string& name) { return distance(word, name); };
    const auto nearest = std::ranges::min_element(names, {}, changes);
    const std::size_t bearable = std::max<std::size_t>(1, word.size() / 3);
    return changes(*nearest) <= bearable ? std::optional(*nearest) : std::nullopt;
}

}  // namespace normact::primitives
