#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace normact::search {

/// A layer by what it is worth and what it costs.
struct WorthAndCost {
    double accuracy = 0;
    double cost = 0;
};

/// The positions of the points that no other beats (nowhere worse and somewhere better: accuracy up, cost down), the
/// cheapest first; of equal points the first. Points that are not finite never belong to it.
std::vector<std::size_t> cost_front(std::span<const WorthAndCost> points);

}  // namespace normact::search
