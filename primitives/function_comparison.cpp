#include "primitives/function_comparison.h"

#include "primitives/fingerprint.h"
#include "primitives/hash.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>

namespace normact::primitives {
namespace {

constexpr std::uint64_t seeds = 20;  // the fixed probe's is 1
constexpr std::size_t tensor_size = probe_images * probe_channels * probe_pixels;

using Tensor = std::span<const double>;

bool is_finite(Tensor values) {
    return std::ranges::all_of(values, [](double value) { return std::isfinite(value); });
}

double relative_difference(Tensor a, Tensor b) {
    double largest = 0, difference = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        largest = std::max({largest, std::abs(a[i]), std::abs(b[i])});
        difference = std::max(difference, std::abs(a[i] - b[i]));
    }
    return difference == 0 ? 0 : difference / largest;
}

/// Sums over the deviations of one channel's values from their means.
struct Deviations {
    double aa = 0, bb = 0, ab = 0;
};

Deviations deviations(Tensor a, Tensor b, std::size_t channel) {
    const auto each = [&](auto function) {
        for (std::size_t image = 0; image < probe_images; ++image)
            for (std::size_t pixel = 0; pixel < probe_pixels; ++pixel) {
                const std::size_t i = (image * probe_channels + channel) * probe_pixels + pixel;
                function(a[i], b[i]);
            }
    };
    constexpr double count = probe_images * probe_pixels;
    double mean_a = 0, mean_b = 0;
    each([&](double x, double y) { mean_a += x / count, mean_b += y / count; });
    Deviations sums;
    each([&](double x, double y) {
        sums.aa += (x - mean_a) * (x - mean_a);
        sums.bb += (y - mean_b) * (y - mean_b);
        sums.ab += (x - mean_a) * (y - mean_b);
    });
    // What is constant but for rounding explains nothing and wants no explanation.
    constexpr double rounding = 1e-24;
    if (sums.aa <= rounding * count * mean_a * mean_a) sums.aa = 0;
    if (sums.bb <= rounding * count * mean_b * mean_b) sums.bb = 0;
    return sums;
}

/// Nothing where both are constant.
std::optional<double> squared_correlation(const Deviations& sums) {
    if (sums.aa == 0 && sums.bb == 0) return std::nullopt;
    if (sums.aa == 0 || sums.bb == 0) return 0.0;
    return std::min(1.0, (sums.ab / sums.aa) * (sums.ab / sums.bb));
}

}  // namespace

Likeness likeness(const FunctionComparison& comparison) {
    // Far above what rounding makes of a few operations in double, far below what training can tell apart.
    constexpr double rounding = 1e-9;
    if (comparison.same_hash) return Likeness::same_form;
    if (comparison.not_finite_in_one > 0 || comparison.largest_difference > rounding) return Likeness::different;
    return comparison.tensors == 0 ? Likeness::unknown : Likeness::same_on_probes;
}

FunctionComparison compare_functions(const LayerGraph& a, const LayerGraph& b) {
    const Probe probe_a = probe(a), probe_b = probe(b);
    FunctionComparison comparison;
    comparison.same_hash = hash(a) == hash(b);
    comparison.same_fingerprint = probe_a.finite && probe_b.finite && probe_a.fingerprint == probe_b.fingerprint;
    double sum = 0;
    int count = 0;
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
        const std::vector<double> all_a = probe_values(a, seed), all_b = probe_values(b, seed);
        for (std::size_t begin = 0; begin < all_a.size(); begin += tensor_size) {
            const Tensor of_a = Tensor(all_a).subspan(begin, tensor_size),
                         of_b = Tensor(all_b).subspan(begin, tensor_size);
            if (is_finite(of_a) != is_finite(of_b)) ++comparison.not_finite_in_one;
            if (!is_finite(of_a) || !is_finite(of_b)) continue;
            ++comparison.tensors;
            comparison.largest_difference = std::max(comparison.largest_difference, relative_difference(of_a, of_b));
            for (std::size_t channel = 0; channel < probe_channels; ++channel)
                if (const auto squared = squared_correlation(deviations(of_a, of_b, channel))) sum += *squared, ++count;
        }
    }
    comparison.explained = count == 0 ? 0 : sum / count;
    return comparison;
}

}  // namespace normact::primitives
