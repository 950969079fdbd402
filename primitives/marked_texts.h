#pragma once

#include "primitives/difference.h"

#include <array>
#include <compare>
#include <string>
#include <vector>

namespace normact::primitives {

/// A text form with the places, in bytes, at which it differs from another one.
struct MarkedText {
    struct Mark {
        std::size_t begin = 0, end = 0;
        auto operator<=>(const Mark&) const = default;
    };
    std::string text;
    std::vector<Mark> marks;  ///< in order, apart from each other
};

/// The text forms of both graphs, before and after; marked is what a comparison by words does not find in the other.
std::array<MarkedText, 2> marked_texts(const Difference& difference);

}  // namespace normact::primitives
