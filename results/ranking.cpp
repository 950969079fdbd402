#include "results/ranking.h"

#include "results/layer_model.h"

#include <boost/math/distributions/students_t.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace normact::results {
namespace {

constexpr double confidence = 0.95;

std::vector<double> present(std::span<const std::optional<double>> values) {
    std::vector<double> all;
    for (const auto& value : values)
        if (value) all.push_back(*value);
    return all;
}

double sum_of(std::span<const double> values) { return std::accumulate(values.begin(), values.end(), 0.0); }

/// The value below which this share of the sorted values lies.
double quantile(const std::vector<double>& sorted, double share) {
    return sorted[static_cast<std::size_t>(std::round(share * static_cast<double>(sorted.size() - 1)))];
}

/// The layers that have a value.
Values known_layers(const Values& values) {
    Values known;
    std::ranges::copy_if(values, std::back_inserter(known), [](const auto& layer) { return !present(layer).empty(); });
    return known;
}

/// The seeds for which all layers have values.
std::vector<std::size_t> common_seeds(const Values& values) {
    std::vector<std::size_t> seeds;
    for (std::size_t seed = 0; !values.empty() && seed < values.front().size(); ++seed)
        if (std::ranges::all_of(values, [seed](const auto& layer) { return layer[seed].has_value(); }))
            seeds.push_back(seed);
    return seeds;
}

struct Scale {
    double center = 0, unit = 1;
};

/// Mean and standard deviation of the layers' means over the seeds that all of them have, but for those without any
/// value; nothing if there is no such seed.
std::optional<Scale> scale_of(const Values& values) {
    const Values layers = known_layers(values);
    const auto seeds = common_seeds(layers);
    if (seeds.empty()) return std::nullopt;
    std::vector<double> means;
    for (const auto& layer : layers) {
        double sum = 0;
        for (const std::size_t seed : seeds) sum += *layer[seed];
        means.push_back(sum / static_cast<double>(seeds.size()));
    }
    const double center = sum_of(means) / static_cast<double>(means.size());
    double squares = 0;
    for (const double mean : means) squares += (mean - center) * (mean - center);
    const double deviation = means.size() > 1 ? std::sqrt(squares / static_cast<double>(means.size() - 1)) : 0;
    return Scale{center, deviation > 0 ? deviation : 1};
}

bool of_one_measure(std::span<const Measured> conditions) {
    return std::ranges::all_of(
        conditions, [&](const Measured& condition) { return condition.measure == conditions.front().measure; });
}

/// The rank of each of these layers in each draw, 1 being the best: [layer][draw].
Samples ranks_of(const Samples& samples, const std::vector<std::size_t>& layers) {
    Samples ranks(samples.size());
    for (const std::size_t layer : layers) ranks[layer].resize(samples[layer].size());
    std::vector<std::size_t> order = layers;
    for (std::size_t draw = 0; !layers.empty() && draw < samples[layers.front()].size(); ++draw) {
        std::ranges::sort(order, std::ranges::greater(), [&](std::size_t layer) { return samples[layer][draw]; });
        for (std::size_t place = 0; place < order.size(); ++place)
            ranks[order[place]][draw] = static_cast<double>(place + 1);
    }
    return ranks;
}

/// What the samples say of one layer beside the best one. `ranks`: in each draw.
Standing standing_of(const std::vector<double>& samples, const std::vector<double>& of_best,
                     std::vector<double> ranks) {
    const std::size_t draws = samples.size();
    std::vector<double> differences(draws);
    for (std::size_t draw = 0; draw < draws; ++draw) differences[draw] = samples[draw] - of_best[draw];
    const auto wins = static_cast<double>(std::ranges::count(ranks, 1.0));
    std::ranges::sort(differences);
    std::ranges::sort(ranks);
    constexpr double tail = (1 - confidence) / 2;
    Standing standing;
    standing.effect = sum_of(differences) / static_cast<double>(draws);
    standing.low = quantile(differences, tail);
    standing.high = quantile(differences, 1 - tail);
    standing.probability_best = wins / static_cast<double>(draws);
    standing.first_rank = static_cast<int>(quantile(ranks, tail));
    standing.last_rank = static_cast<int>(quantile(ranks, 1 - tail));
    standing.separated = standing.high < 0;
    return standing;
}

}  // namespace

std::optional<Mean> mean_of(std::span<const double> values) {
    if (values.empty()) return std::nullopt;
    const auto count = static_cast<double>(values.size());
    Mean result{sum_of(values) / count, std::nullopt, static_cast<int>(values.size())};
    if (values.size() == 1) return result;
    double squares = 0;
    for (const double value : values) squares += (value - result.mean) * (value - result.mean);
    const boost::math::students_t distribution(count - 1);
    result.margin =
        boost::math::quantile(distribution, 0.5 + confidence / 2) * std::sqrt(squares / (count - 1) / count);
    return result;
}

std::optional<Mean> mean_of(std::span<const std::optional<double>> values) { return mean_of(present(values)); }

std::optional<Mean> paired_difference(std::span<const std::optional<double>> a,
                                      std::span<const std::optional<double>> b) {
    std::vector<double> differences;
    for (std::size_t seed = 0; seed < std::min(a.size(), b.size()); ++seed)
        if (a[seed] && b[seed]) differences.push_back(*a[seed] - *b[seed]);
    return mean_of(differences);
}

Overall overall(std::span<const Measured> conditions) {
    if (conditions.empty()) return {};
    Overall result{conditions.front().values, {}};
    const bool same = of_one_measure(conditions);
    if (same) result.measure = conditions.front().measure;
    std::vector<Scale> scales(conditions.size());
    for (std::size_t c = 0; !same && c < conditions.size(); ++c) {
        const auto scale = scale_of(conditions[c].values);
        if (!scale) return {Values(result.values.size(), Values::value_type(result.values.front().size())), {}};
        scales[c] = *scale;
    }
    for (std::size_t layer = 0; layer < result.values.size(); ++layer) {
        for (std::size_t seed = 0; seed < result.values[layer].size(); ++seed) {
            std::optional<double> sum = 0;
            for (std::size_t c = 0; c < conditions.size(); ++c) {
                const auto& value = conditions[c].values[layer][seed];
                sum = sum && value ? std::optional(*sum + (*value - scales[c].center) / scales[c].unit) : std::nullopt;
            }
            if (sum) *sum /= static_cast<double>(conditions.size());
            result.values[layer][seed] = sum;
        }
    }
    return result;
}

Ranking rank(const Values& values, Generator& generator) {
    Ranking ranking;
    ranking.standings.resize(values.size());
    const Samples samples = sample_layers(values, generator);
    std::vector<double> means(values.size());
    for (std::size_t layer = 0; layer < samples.size(); ++layer) {
        if (samples[layer].empty()) continue;
        means[layer] = sum_of(samples[layer]) / static_cast<double>(samples[layer].size());
        ranking.order.push_back(layer);
    }
    std::ranges::stable_sort(ranking.order, std::ranges::greater(), [&](std::size_t layer) { return means[layer]; });
    Samples ranks = ranks_of(samples, ranking.order);
    for (const std::size_t layer : ranking.order) {
        const std::size_t best = ranking.order.front();
        ranking.standings[layer] = standing_of(samples[layer], samples[best], std::move(ranks[layer]));
        // A single value tells nothing of its noise.
        if (present(values[layer]).size() < 2 || present(values[best]).size() < 2)
            ranking.standings[layer].separated = false;
    }
    return ranking;
}

}  // namespace normact::results
