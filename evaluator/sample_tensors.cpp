#include "evaluator/sample_tensors.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace normact::evaluator {

at::Tensor to_tensor(const PlainTensor& plain, at::ScalarType type, at::MemoryFormat format) {
    return at::tensor(plain.values, at::kDouble).view({plain.n, plain.c, plain.h, plain.w}).to(type).clone(format);
}

at::Tensor to_tensor(const std::vector<double>& channels, at::ScalarType type) {
    return at::tensor(channels, at::kDouble).to(type);
}

Parameters to_tensors(const PlainParameters& parameters, at::ScalarType type) {
    return {.v0 = to_tensor(parameters.v0, type),
            .v1 = to_tensor(parameters.v1, type),
            .gamma = to_tensor(parameters.gamma, type),
            .beta = to_tensor(parameters.beta, type)};
}

std::vector<at::Tensor> to_tensors(const std::vector<std::vector<double>>& averages, at::ScalarType type) {
    std::vector<at::Tensor> tensors;
    tensors.reserve(averages.size());
    for (const std::vector<double>& average : averages) tensors.push_back(to_tensor(average, type));
    return tensors;
}

double largest_error(const at::Tensor& tensor, const PlainTensor& plain) {
    const at::Tensor values = tensor.detach().to(at::kDouble).contiguous();
    if (values.numel() != static_cast<std::int64_t>(plain.values.size()))
        return std::numeric_limits<double>::infinity();
    double largest = 0;
    for (std::size_t i = 0; i < plain.values.size(); ++i) {
        const double wanted = plain.values[i];
        const double found = values.data_ptr<double>()[i];
        if (found == wanted || (std::isnan(found) && std::isnan(wanted))) continue;
        const double error = std::abs(found - wanted) / (1 + std::abs(wanted));
        largest = std::isfinite(error) ? std::max(largest, error) : std::numeric_limits<double>::infinity();
    }
    return largest;
}

}  // namespace normact::evaluator
