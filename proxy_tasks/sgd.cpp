#include "proxy_tasks/sgd.h"

#include "proxy_tasks/parameter_gradient.h"

#include <ATen/ops/zeros_like.h>

#include <cmath>
#include <numbers>
#include <utility>

namespace normact::proxy_tasks {

double learning_rate(Schedule schedule, double initial, int step, int steps) {
    if (schedule == Schedule::constant) return initial;
    return initial * (1 + std::cos(std::numbers::pi * step / steps)) / 2;
}

NesterovSgd::NesterovSgd(std::vector<at::Tensor> parameters, double momentum, double weight_decay)
    : parameters_(std::move(parameters)), momentum_(momentum), weight_decay_(weight_decay) {
    for (const at::Tensor& parameter : parameters_) velocities_.push_back(at::zeros_like(parameter));
}

void NesterovSgd::step(double learning_rate) {
    const auto rate = static_cast<float>(learning_rate), momentum = static_cast<float>(momentum_);
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
        at::Tensor& parameter = parameters_[i];
        const at::Tensor gradient = gradient_in_strides_of(parameter);
        if (!gradient.defined()) continue;
        const float decay = parameter.dim() >= 2 ? static_cast<float>(weight_decay_) : 0.0F;
        const auto* g = gradient.const_data_ptr<float>();
        auto* p = parameter.mutable_data_ptr<float>();
        auto* v = velocities_[i].mutable_data_ptr<float>();
        for (std::int64_t k = 0, count = parameter.numel(); k < count; ++k) {
            const float slope = g[k] + decay * p[k];
            v[k] = momentum * v[k] + slope;
            p[k] -= rate * (slope + momentum * v[k]);
        }
        parameter.mutable_grad().reset();
    }
}

}  // namespace normact::proxy_tasks
