#include "evaluator/response_curves.h"

#include "evaluator/engine.h"
#include "evaluator/parallel.h"
#include "primitives/generator.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cmath>
#include <numbers>

namespace normact::evaluator {
namespace {

constexpr std::int64_t n = 4, c = 64, h = 8, w = 8;
constexpr int points = 33;
constexpr double furthest = 4;

double normal(Generator& generator) {
    const double radius = std::sqrt(-2 * std::log(1 - uniform_unit(generator)));
    return radius * std::cos(2 * std::numbers::pi * uniform_unit(generator));
}

at::Tensor normal_tensor(Generator& generator, at::IntArrayRef shape) {
    at::Tensor tensor = at::empty(shape, at::kDouble);
    auto* const values = tensor.mutable_data_ptr<double>();
    for (std::int64_t i = 0; i < tensor.numel(); ++i) values[i] = normal(generator);
    return tensor;
}

/// Mean 0 and deviation 1, with a part of its own for each channel and each image, as features have.
at::Tensor sample_input() {
    Generator generator(1);
    constexpr double own_part = 0.5;
    const at::Tensor channels = normal_tensor(generator, {1, c, 1, 1}), images = normal_tensor(generator, {n, 1, 1, 1});
    const at::Tensor x = normal_tensor(generator, {n, c, h, w}) + own_part * channels + own_part * images;
    return (x - x.mean()) / x.std(/*unbiased=*/false);
}

TensorStatistics statistics(const at::Tensor& x) {
    const auto spread = [](const at::Tensor& means) { return means.std(/*unbiased=*/false).item<double>(); };
    return {x.mean().item<double>(), spread(x), spread(x.mean({0, 2, 3})), spread(x.mean({1, 2, 3}))};
}

at::Tensor run(const CompiledLayer& layer, const at::Tensor& x, double v0, double v1) {
    const auto channels = [](double value) { return at::full({c}, value, at::kDouble); };
    const Parameters parameters{channels(v0), channels(v1), channels(1), channels(0)};
    std::vector<at::Tensor> averages;
    for (const double start : initial_averages(layer.graph())) averages.push_back(channels(start));
    return layer.forward(x, parameters, averages, /*training=*/true);
}

void fill(Response& response, const CompiledLayer& layer, const at::Tensor& sample) {
    const at::Tensor x = sample * response.deviation + response.mean;
    response.before = statistics(x);
    response.after = statistics(run(layer, x, response.v0, response.v1));
    for (const double point : response_points()) {
        at::Tensor changed = x.clone();
        changed.mutable_data_ptr<double>()[0] = point * response.deviation + response.mean;
        const at::Tensor y = run(layer, changed, response.v0, response.v1).contiguous();
        response.curve.push_back(y.const_data_ptr<double>()[0]);
    }
}

Response wanted(std::string label, double mean, double deviation, double v0, double v1) {
    return {std::move(label), mean, deviation, v0, v1, {}, {}, {}};
}

}  // namespace

std::vector<double> response_points() {
    std::vector<double> list;
    for (int i = 0; i < points; ++i) list.push_back(furthest * (2.0 * i / (points - 1) - 1));
    return list;
}

std::vector<Response> responses(const primitives::Layer& layer) {
    const at::NoGradGuard no_grad;
    const ThreadsInUse one(1);  // the tensors are small
    const auto compiled = find_engine("aten").compile(layer.graph, layer.settings);
    std::vector<Response> list{wanted("mean 0, deviation 1", 0, 1, 0, 1), wanted("mean 2", 2, 1, 0, 1),
                               wanted("deviation 3", 0, 3, 0, 1)};
    if (primitives::uses(layer.graph, primitives::Op::v1)) {
        list.push_back(wanted("v1 = 2", 0, 1, 0, 2));
        list.push_back(wanted("v1 = -1", 0, 1, 0, -1));
    }
    if (primitives::uses(layer.graph, primitives::Op::v0)) list.push_back(wanted("v0 = 1", 0, 1, 1, 1));
    const at::Tensor sample = sample_input();
    for (Response& response : list) fill(response, *compiled, sample);
    return list;
}

}  // namespace normact::evaluator
