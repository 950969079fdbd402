#pragma once

// What the tests of this folder share: small populations, and chi-square bounds for what operators draw.

#include "primitives/text.h"
#include "search/population.h"

#include <cmath>
#include <numeric>
#include <vector>

namespace normact::search {

inline Member member(results::CandidateId id, std::vector<double> accuracies) {
    return {id, primitives::parse_text("max(x, zero)"), std::move(accuracies)};
}

/// Pearson's statistic of counts that should follow these probabilities.
inline double chi_square(const std::vector<int>& counts, const std::vector<double>& probabilities) {
    const double total = std::accumulate(counts.begin(), counts.end(), 0.0);
    double sum = 0;
    for (std::size_t i = 0; i < counts.size(); ++i) {
        const double expected = total * probabilities[i];
        sum += (counts[i] - expected) * (counts[i] - expected) / expected;
    }
    return sum;
}

inline double chi_square(const std::vector<int>& counts) {
    return chi_square(counts, std::vector(counts.size(), 1.0 / static_cast<double>(counts.size())));
}

/// The value that Pearson's statistic of `outcomes` outcomes passes with probability 1e-6 if the draws follow the
/// probabilities (Wilson and Hilferty's approximation, z = 4.753). The tests' seeds are fixed, so that a test which
/// passes always passes; the bound says how rarely a right program would fail when a seed is changed.
inline double rare_chi_square(std::size_t outcomes) {
    const double freedom = static_cast<double>(outcomes) - 1;
    const double spread = 2 / (9 * freedom);
    return freedom * std::pow(1 - spread + 4.753 * std::sqrt(spread), 3);
}

/// How far a count of `draws` with this probability strays from its mean with probability 1e-6: 4.9 standard
/// deviations.
inline double rare_deviation(double draws, double probability) {
    return 4.9 * std::sqrt(draws * probability * (1 - probability));
}

}  // namespace normact::search
