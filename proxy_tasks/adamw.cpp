#include "proxy_tasks/adamw.h"

#include "proxy_tasks/parameter_gradient.h"

#include <ATen/ops/zeros_like.h>

#include <cmath>
#include <utility>

namespace normact::proxy_tasks {

AdamW::AdamW(std::vector<at::Tensor> parameters, double first_moment_decay, double weight_decay,
             double second_moment_decay)
    : parameters_(std::move(parameters)),
      first_decay_(first_moment_decay),
      second_decay_(second_moment_decay),
      weight_decay_(weight_decay) {
    for (const at::Tensor& parameter : parameters_)
        moments_.push_back({at::zeros_like(parameter), at::zeros_like(parameter)});
}

void AdamW::step(double learning_rate) {
    ++steps_;
    // The moments start at 0: these undo it.
    const double first_share = 1 - std::pow(first_decay_, steps_), second_share = 1 - std::pow(second_decay_, steps_);
    const auto rate = static_cast<float>(learning_rate / first_share);
    const auto scale = static_cast<float>(1 / std::sqrt(second_share)), epsilon = static_cast<float>(adam_epsilon);
    const auto first_decay = static_cast<float>(first_decay_), second_decay = static_cast<float>(second_decay_);
    const auto first_rest = static_cast<float>(1 - first_decay_), second_rest = static_cast<float>(1 - second_decay_);
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
        at::Tensor& parameter = parameters_[i];
        const at::Tensor gradient = gradient_in_strides_of(parameter);
        if (!gradient.defined()) continue;
        const auto kept = static_cast<float>(parameter.dim() >= 2 ? 1 - learning_rate * weight_decay_ : 1.0);
        const auto* g = gradient.const_data_ptr<float>();
        auto* p = parameter.mutable_data_ptr<float>();
        auto* first = moments_[i].first.mutable_data_ptr<float>();
        auto* second = moments_[i].second.mutable_data_ptr<float>();
        for (std::int64_t k = 0, count = parameter.numel(); k < count; ++k) {
            first[k] = first_decay * first[k] + first_rest * g[k];
            second[k] = second_decay * second[k] + second_rest * g[k] * g[k];
            p[k] = kept * p[k] - rate * first[k] / (scale * std::sqrt(second[k]) + epsilon);
        }
        parameter.mutable_grad().reset();
    }
}

}  // namespace normact::proxy_tasks
