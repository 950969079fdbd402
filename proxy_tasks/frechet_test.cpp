#include "proxy_tasks/frechet.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/diag.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/linalg_eigvals.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/real.h>
#include <ATen/ops/sqrt.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace normact::proxy_tasks {
namespace {

at::Tensor some_features(std::uint64_t seed, std::int64_t count = 200, std::int64_t width = 6) {
    at::Generator generator = at::detail::createCPUGenerator(seed);
    const at::Tensor mix = at::randn({width, width}, generator, at::kDouble);
    return at::randn({count, width}, generator, at::kDouble).matmul(mix) + static_cast<double>(seed);
}

TEST(Frechet, is_0_for_the_same_features_and_the_square_of_a_shift) {
    const FeatureMoments some = moments_of(some_features(1));
    EXPECT_NEAR(frechet_distance(some, some), 0, 1e-9 * some.covariance.trace().item<double>());
    EXPECT_NEAR(frechet_distance(some, moments_of(some_features(1) + 2)), 6 * 4, 1e-9 * 24 + 1e-8);
}

TEST(Frechet, of_axes_is_the_sum_over_them) {
    const at::Tensor zero = at::zeros({2}, at::kDouble);
    const auto axes = [&](double a, double b) {
        return FeatureMoments{zero, at::diag(at::tensor({a * a, b * b}, at::kDouble))};
    };
    EXPECT_NEAR(frechet_distance(axes(1, 2), axes(4, 7)), 9 + 25, 1e-12);
    EXPECT_NEAR(frechet_distance(axes(0, 2), axes(4, 0)), 16 + 4, 1e-12) << "without an inverse";
}

/// The eigenvalues of C₁C₂ itself, which is not symmetric.
TEST(Frechet, is_that_of_the_definition) {
    const FeatureMoments a = moments_of(some_features(1)), b = moments_of(some_features(2));
    const auto mixed = at::real(at::sqrt(at::linalg_eigvals(a.covariance.matmul(b.covariance)))).sum().item<double>();
    const double expected = (a.mean - b.mean).square().sum().item<double>() +
                            (a.covariance + b.covariance).trace().item<double>() - 2 * mixed;
    EXPECT_NEAR(frechet_distance(a, b), expected, 1e-9 * expected);
    EXPECT_NEAR(frechet_distance(b, a), expected, 1e-9 * expected);
}

TEST(Frechet, closeness_is_1_for_the_same_at_most_a_half_for_one_image_and_0_for_what_is_not_finite) {
    const FeatureMoments real = moments_of(some_features(1));
    EXPECT_NEAR(closeness(real, real), 1, 1e-9);
    const FeatureMoments mean_image{real.mean, at::zeros({6, 6}, at::kDouble)};
    EXPECT_NEAR(closeness(real, mean_image), 0.5, 1e-9);
    at::Tensor broken = some_features(2);
    broken[3][1] = std::numeric_limits<double>::quiet_NaN();
    EXPECT_EQ(closeness(real, moments_of(broken)), 0);
    broken[3][1] = std::numeric_limits<double>::infinity();
    EXPECT_EQ(closeness(real, moments_of(broken)), 0);
    EXPECT_EQ(closeness(mean_image, mean_image), 0) << "real images without variance tell nothing";
}

}  // namespace
}  // namespace normact::proxy_tasks
