#pragma once

// Layers whose true values are known, for tests of what is said of them from noisy trainings.

#include "results/ranking.h"

#include <boost/random/normal_distribution.hpp>

#include <cmath>

namespace normact::results {

inline double draw_normal(Generator& generator, double deviation) {
    return boost::random::normal_distribution<double>(0, deviation)(generator);
}

/// Trainings of layers with these true values: the seed moves all layers alike by `seed_effect`, and each training has
/// noise of its own, of a size that differs between layers by a factor of up to four.
inline Values trainings(const std::vector<double>& truth, int seeds, double noise, double seed_effect,
                        Generator& generator) {
    std::vector<double> luck;
    for (int seed = 0; seed < seeds; ++seed) luck.push_back(draw_normal(generator, seed_effect));
    Values values;
    for (const double value : truth) {
        const double own_noise = noise * std::pow(2, 2 * uniform_unit(generator) - 1);
        std::vector<std::optional<double>> row;
        for (const double effect : luck) row.emplace_back(value + effect + draw_normal(generator, own_noise));
        values.push_back(std::move(row));
    }
    return values;
}

inline std::vector<double> true_values(int layers, double spread, Generator& generator) {
    std::vector<double> truth;
    for (int layer = 0; layer < layers; ++layer) truth.push_back(0.8 + draw_normal(generator, spread));
    return truth;
}

}  // namespace normact::results
