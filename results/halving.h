#pragma once

#include "results/ranking.h"

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace normact::results {

/// One training: a layer under a condition with a seed, by their positions.
struct Slot {
    std::size_t condition = 0, layer = 0;
    int seed = 0;

    bool operator==(const Slot&) const = default;
};

/// How far a race is.
struct Race {
    std::vector<Slot> missing;  ///< what to train next, in this order; empty at the end
    std::vector<int> seeds;     ///< of each layer: how many the race has asked for so far
    std::vector<bool> running;  ///< of each layer: not dropped; at the end, it has all seeds
};

/// The numbers of seeds after which layers are dropped: 3, 6, 12 … and `seeds`.
std::vector<int> rounds_of(int seeds);

/// Successive halving (Jamieson and Talwalkar 2016) over seeds: all layers get three seeds under all conditions; then
/// the better half goes on with twice as many, and so does whoever is not separated from the best layer; until those
/// that are left have `seeds`. `values` of the conditions are as far as they are known; `is_lost` says what will never
/// be known. A function of its arguments, of those values alone that a round asks for: many machines at once agree
/// without a word, and more seeds later change nothing of the first rounds.
Race race(std::span<const Measured> conditions, int seeds, const std::function<bool(const Slot&)>& is_lost);

}  // namespace normact::results
