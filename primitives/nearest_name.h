#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace normact::primitives {

/// The name that a mistyped word most probably means: the one with the fewest changes of single letters, letter case
/// ignored; the first of equally near ones. Nothing if more than a third of the word would have to change (one letter
/// may always).
std::optional<std::string> nearest_name(std::string_view word, const std::vector<std::string>& names);

}  // namespace normact::primitives
