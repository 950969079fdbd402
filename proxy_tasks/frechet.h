#pragma once

#include <ATen/core/Tensor.h>

namespace normact::proxy_tasks {

/// Mean and covariance of features, in double.
struct FeatureMoments {
    at::Tensor mean;        ///< [features]
    at::Tensor covariance;  ///< [features,features], biased
};

/// features: double [N,features].
FeatureMoments moments_of(const at::Tensor& features);

/// The squared Fréchet distance of two normal distributions, |m₁ − m₂|² + tr(C₁ + C₂ − 2(C₁C₂)^½) (arXiv 1706.08500),
/// by symmetric eigenvalues: 0 where they are equal, NaN where one is not finite.
double frechet_distance(const FeatureMoments& one, const FeatureMoments& other);

/// How close features lie to those of real images: 1 / (1 + d / v), with the Fréchet distance d and the total variance
/// v of the real ones. 1 for the same distribution; 1/2 at most for one image again and again; 0 where a feature is not
/// finite.
double closeness(const FeatureMoments& real, const FeatureMoments& generated);

}  // namespace normact::proxy_tasks
