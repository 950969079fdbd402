#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace normact::bench {

/// Of an even number of values the mean of the middle two. There must be one at least.
template <typename Value>
Value median(std::vector<Value> values) {
    std::ranges::sort(values);
    const std::size_t half = values.size() / 2;
    return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

}  // namespace normact::bench
