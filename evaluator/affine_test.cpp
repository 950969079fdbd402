#include "evaluator/affine.h"

#include "evaluator/gradient_check.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace normact::evaluator {
namespace {

const DifferentiableFunction map = [](const std::vector<at::Tensor>& inputs) {
    return scale_and_shift(inputs[0], inputs[1], inputs[2]);
};

std::vector<at::Tensor> inputs() {
    at::manual_seed(1);
    return {at::randn({3, 4, 2, 5}, at::kDouble), at::randn({4}, at::kDouble), at::randn({4}, at::kDouble)};
}

TEST(ScaleAndShift, is_the_affine_map_of_the_channels) {
    const auto [y, scale, shift] = std::tuple(inputs()[0], inputs()[1], inputs()[2]);
    EXPECT_TRUE(map({y, scale, shift}).allclose(y * scale.view({1, 4, 1, 1}) + shift.view({1, 4, 1, 1}), 1e-14, 1e-14));
}

TEST(ScaleAndShift, has_right_derivatives) {
    EXPECT_THAT(gradient_error(map, inputs()), testing::IsEmpty());
    EXPECT_THAT(second_gradient_error(map, inputs()), testing::IsEmpty());
}

}  // namespace
}  // namespace normact::evaluator
