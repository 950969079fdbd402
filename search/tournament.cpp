#include "search/tournament.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <tuple>
#include <utility>

namespace normact::search {
namespace {

bool beats(const Member& a, const Member& b) {
    if (a.cost > b.cost) return false;
    bool better_somewhere = a.cost < b.cost;
    for (std::size_t anchor = 0; anchor < a.accuracies.size(); ++anchor) {
        if (a.accuracies[anchor] < b.accuracies[anchor]) return false;
        better_somewhere |= a.accuracies[anchor] > b.accuracies[anchor];
    }
    return better_somewhere;
}

std::vector<std::size_t> best_mean(const Population& population, const std::vector<std::size_t>& entrants) {
    std::vector<std::size_t> best;
    double highest = -std::numeric_limits<double>::infinity();
    for (const std::size_t entrant : entrants) {
        const double mean = mean_accuracy(population[entrant]);
        if (mean > highest) best.clear();
        if (mean >= highest) best.push_back(entrant);
        highest = std::max(highest, mean);
    }
    return best;
}

}  // namespace

std::size_t tournament_size(std::size_t size, double share) {
    const auto wanted = static_cast<std::size_t>(std::llround(share * static_cast<double>(size)));
    return std::min(size, std::max<std::size_t>(1, wanted));
}

std::vector<std::size_t> draw_without_replacement(Generator& generator, std::size_t size, std::size_t count) {
    std::vector<std::size_t> indices(size);
    std::iota(indices.begin(), indices.end(), std::size_t{0});
    for (std::size_t i = 0; i < count; ++i) std::swap(indices[i], indices[i + uniform_below(generator, size - i)]);
    indices.resize(count);
    return indices;
}

std::vector<std::size_t> pareto_front(const Population& population, const std::vector<std::size_t>& entrants) {
    // Who beats another comes before it in this order, and who is beaten at all is beaten by one of the front.
    std::vector<std::size_t> places(entrants.size());
    std::iota(places.begin(), places.end(), std::size_t{0});
    std::ranges::sort(places, [&](std::size_t i, std::size_t j) {
        const Member &a = population[entrants[i]], &b = population[entrants[j]];
        return std::tie(b.accuracies, a.cost) < std::tie(a.accuracies, b.cost);
    });
    std::vector<std::size_t> front;
    for (const std::size_t place : places)
        if (std::ranges::none_of(front, [&](std::size_t other) {
                return beats(population[entrants[other]], population[entrants[place]]);
            }))
            front.push_back(place);
    std::ranges::sort(front);  // in the order in which they entered
    for (std::size_t& place : front) place = entrants[place];
    return front;
}

std::size_t tournament(Generator& generator, const Population& population, double share, Choice choice) {
    const auto entrants =
        draw_without_replacement(generator, population.size(), tournament_size(population.size(), share));
    const auto winners =
        choice == Choice::pareto ? pareto_front(population, entrants) : best_mean(population, entrants);
    return winners[uniform_below(generator, winners.size())];
}

}  // namespace normact::search
