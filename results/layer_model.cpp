#include "results/layer_model.h"

#include <boost/random/gamma_distribution.hpp>
#include <boost/random/normal_distribution.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace normact::results {
namespace {

constexpr int warm_up = 500, draws = 4000;
/// How alike the layers' noise is: as if so many further values of each layer had noise of the common size.
constexpr double alike = 4;
/// Relative to the spread of all values: what is less is no difference, so that equal values divide by nothing.
constexpr double resolution = 1e-4;

struct Value {
    std::size_t layer = 0, seed = 0;
    double value = 0;
};

/// The model's unknowns, each drawn in turn given all others:
///     value(layer, seed) ~ N(layers(layer) + seeds(seed), noise(layer))
///     layers ~ N(center, between), seeds ~ N(0, among), noise ~ scaled inverse χ²(alike, common)
/// with half-Cauchy priors on the roots of `between` and `among` and a half-normal one on that of `common`, all of the
/// size of the spread of all values. Variances throughout.
class Model {
  public:
    Model(std::vector<Value> values, std::size_t layers, std::size_t seeds, Generator& generator)
        : values_(std::move(values)), generator_(generator), layers_(layers), seeds_(seeds), noise_(layers) {
        double sum = 0, squares = 0;
        for (const Value& value : values_) sum += value.value;
        center_ = sum / static_cast<double>(values_.size());
        for (const Value& value : values_) squares += (value.value - center_) * (value.value - center_);
        spread_ = std::max(squares / static_cast<double>(values_.size()), 1e-24);
        std::ranges::fill(layers_, center_);
        std::ranges::fill(noise_, spread_);
        between_ = among_ = common_ = between_scale_ = among_scale_ = spread_;
    }

    void step() {
        draw_effects(layers_, &Value::layer, &Value::seed, seeds_, center_, between_);
        draw_effects(seeds_, &Value::seed, &Value::layer, layers_, 0, among_);
        center_ =
            normal(std::accumulate(layers_.begin(), layers_.end(), 0.0) / size(layers_), between_ / size(layers_));
        draw_noise();
        draw_variance(between_, between_scale_, layers_, center_);
        draw_variance(among_, among_scale_, seeds_, 0);
    }

    const std::vector<double>& layers() const { return layers_; }

  private:
    static double size(const std::vector<double>& effects) { return static_cast<double>(effects.size()); }
    double normal(double mean, double variance) {
        return boost::random::normal_distribution<double>(mean, std::sqrt(variance))(generator_);
    }
    double gamma(double shape, double rate) {
        return boost::random::gamma_distribution<double>(shape, 1 / rate)(generator_);
    }
    double inverse_gamma(double shape, double rate) { return 1 / gamma(shape, rate); }

    /// The effects of one side, layers or seeds, given those of the other.
    void draw_effects(std::vector<double>& effects, std::size_t Value::*side, std::size_t Value::*other_side,
                      const std::vector<double>& others, double mean, double variance) {
        std::vector<double> precision(effects.size(), 1 / variance), weighted(effects.size(), mean / variance);
        for (const Value& value : values_) {
            precision[value.*side] += 1 / noise_[value.layer];
            weighted[value.*side] += (value.value - others[value.*other_side]) / noise_[value.layer];
        }
        for (std::size_t i = 0; i < effects.size(); ++i)
            effects[i] = normal(weighted[i] / precision[i], 1 / precision[i]);
    }

    void draw_noise() {
        std::vector<double> squares(noise_.size(), alike * common_), counts(noise_.size(), alike);
        for (const Value& value : values_) {
            const double residual = value.value - layers_[value.layer] - seeds_[value.seed];
            squares[value.layer] += residual * residual + resolution * resolution * spread_;
            counts[value.layer] += 1;
        }
        double precisions = 0;
        for (std::size_t i = 0; i < noise_.size(); ++i) {
            noise_[i] = inverse_gamma(counts[i] / 2, squares[i] / 2);
            precisions += 1 / noise_[i];
        }
        common_ = gamma((1 + size(noise_) * alike) / 2, (1 / spread_ + alike * precisions) / 2);
    }

    /// A half-Cauchy root as a mixture of inverse gammas (Wand and others 2011).
    void draw_variance(double& variance, double& scale, const std::vector<double>& effects, double mean) {
        double squares = resolution * resolution * spread_;
        for (const double effect : effects) squares += (effect - mean) * (effect - mean);
        variance = inverse_gamma((size(effects) + 1) / 2, 1 / scale + squares / 2);
        scale = inverse_gamma(1, 1 / spread_ + 1 / variance);
    }

    std::vector<Value> values_;
    Generator& generator_;
    double spread_ = 1, center_ = 0;
    std::vector<double> layers_, seeds_, noise_;
    double between_ = 1, among_ = 1, common_ = 1, between_scale_ = 1, among_scale_ = 1;
};

}  // namespace

Samples sample_layers(const Values& values, Generator& generator) {
    std::vector<Value> present;
    std::vector<std::size_t> layers;  // those that have values
    std::size_t seeds = 0;
    for (std::size_t layer = 0; layer < values.size(); ++layer) {
        const std::size_t before = present.size();
        for (std::size_t seed = 0; seed < values[layer].size(); ++seed) {
            if (!values[layer][seed]) continue;
            present.push_back({layers.size(), seed, *values[layer][seed]});
            seeds = std::max(seeds, seed + 1);
        }
        if (present.size() > before) layers.push_back(layer);
    }
    Samples samples(values.size());
    if (layers.empty()) return samples;
    Model model(std::move(present), layers.size(), seeds, generator);
    for (int step = 0; step < warm_up + draws; ++step) {
        model.step();
        if (step < warm_up) continue;
        for (std::size_t i = 0; i < layers.size(); ++i) samples[layers[i]].push_back(model.layers()[i]);
    }
    return samples;
}

}  // namespace normact::results
