#include "results/halving.h"

#include <algorithm>

namespace normact::results {
namespace {

constexpr int first_round = 3;

/// What the running layers still need for so many seeds: all layers with the first seed first.
std::vector<Slot> missing_in(std::span<const Measured> conditions, const std::vector<bool>& running, int seeds,
                             const std::function<bool(const Slot&)>& is_lost) {
    std::vector<Slot> missing;
    for (int seed = 0; seed < seeds; ++seed)
        for (std::size_t condition = 0; condition < conditions.size(); ++condition)
            for (std::size_t layer = 0; layer < running.size(); ++layer) {
                const Slot slot{condition, layer, seed};
                const auto& value = conditions[condition].values[layer].at(static_cast<std::size_t>(seed));
                if (running[layer] && !value && !is_lost(slot)) missing.push_back(slot);
            }
    return missing;
}

/// The overall values of the running layers for the first seeds; nothing elsewhere.
Values known_to_round(std::span<const Measured> conditions, const std::vector<bool>& running, int seeds) {
    std::vector<Measured> seen(conditions.begin(), conditions.end());
    for (Measured& condition : seen) {
        for (auto& layer : condition.values) layer.resize(static_cast<std::size_t>(seeds));
        Values kept;
        for (std::size_t layer = 0; layer < running.size(); ++layer)
            if (running[layer]) kept.push_back(std::move(condition.values[layer]));
        condition.values = std::move(kept);
    }
    return overall(seen).values;
}

/// Drops the layers that a round ends for.
void drop(std::span<const Measured> conditions, std::vector<bool>& running, int seeds) {
    std::vector<std::size_t> places;  // of the running layers
    for (std::size_t layer = 0; layer < running.size(); ++layer)
        if (running[layer]) places.push_back(layer);
    Generator generator(static_cast<std::uint64_t>(seeds));  // one and the same on every machine
    const Ranking ranking = rank(known_to_round(conditions, running, seeds), generator);
    if (ranking.order.empty()) return;
    std::vector<bool> kept(running.size());
    const std::size_t half = (places.size() + 1) / 2;
    for (std::size_t place = 0; place < ranking.order.size(); ++place) {
        const std::size_t layer = ranking.order[place];
        if (place < half || !ranking.standings[layer].separated) kept[places[layer]] = true;
    }
    running = std::move(kept);
}

}  // namespace

std::vector<int> rounds_of(int seeds) {
    std::vector<int> rounds;
    for (int round = first_round; round < seeds; round *= 2) rounds.push_back(round);
    rounds.push_back(seeds);
    return rounds;
}

Race race(std::span<const Measured> conditions, int seeds, const std::function<bool(const Slot&)>& is_lost) {
    const std::size_t layers = conditions.empty() ? 0 : conditions.front().values.size();
    Race race{{}, std::vector<int>(layers), std::vector<bool>(layers, true)};
    for (const int round : rounds_of(seeds)) {
        for (std::size_t layer = 0; layer < layers; ++layer)
            if (race.running[layer]) race.seeds[layer] = round;
        race.missing = missing_in(conditions, race.running, round, is_lost);
        if (!race.missing.empty()) return race;
        if (round < seeds) drop(conditions, race.running, round);
    }
    return race;
}

}  // namespace normact::results
