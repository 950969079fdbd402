#include "proxy_tasks/frechet.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/linalg_eigh.h>
#include <ATen/ops/linalg_eigvalsh.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace normact::proxy_tasks {
namespace {

bool is_finite(const FeatureMoments& moments) {
    return at::isfinite(moments.mean).all().item<bool>() && at::isfinite(moments.covariance).all().item<bool>();
}

/// Of a positive semidefinite matrix, whose small eigenvalues rounding may have made negative.
at::Tensor square_root(const at::Tensor& matrix) {
    const auto [values, vectors] = at::linalg_eigh(matrix);
    return (vectors * values.clamp_min(0).sqrt()).matmul(vectors.t());
}

}  // namespace

FeatureMoments moments_of(const at::Tensor& features) {
    const at::Tensor mean = features.mean(0);
    const at::Tensor centered = features - mean;
    return {mean, centered.t().matmul(centered) / static_cast<double>(features.size(0))};
}

double frechet_distance(const FeatureMoments& one, const FeatureMoments& other) {
    if (!is_finite(one) || !is_finite(other)) return std::numeric_limits<double>::quiet_NaN();
    // (C₁C₂)^½ has the trace of (R C₂ R)^½ with R = C₁^½, which is symmetric.
    const at::Tensor root = square_root(one.covariance);
    const at::Tensor product = root.matmul(other.covariance).matmul(root);
    const auto mixed = at::linalg_eigvalsh((product + product.t()) / 2).clamp_min(0).sqrt().sum().item<double>();
    const double traces = one.covariance.trace().item<double>() + other.covariance.trace().item<double>();
    const double distance = (one.mean - other.mean).square().sum().item<double>() + traces - 2 * mixed;
    return std::max(distance, 0.0);  // rounding
}

double closeness(const FeatureMoments& real, const FeatureMoments& generated) {
    const double distance = frechet_distance(real, generated), variance = real.covariance.trace().item<double>();
    const double share = variance / (variance + distance);
    return std::isfinite(share) ? share : 0;
}

}  // namespace normact::proxy_tasks
