#include "evaluator/response_curves.h"

#include "primitives/catalogue.h"
#include "primitives/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace normact::evaluator {
namespace {

std::vector<Response> responses_of(const std::string& text) {
    return responses({.name = "", .graph = primitives::parse_text(text), .settings = {}});
}

TEST(ResponseCurves, of_a_pointwise_layer_are_its_function) {
    const auto points = response_points();
    const auto list = responses_of("x*sigmoid(v1*x) + v0");
    ASSERT_EQ(list.size(), 6u);
    for (const Response& response : list)
        for (std::size_t i = 0; i < points.size(); ++i) {
            const double x = points[i] * response.deviation + response.mean;
            // Two doubles of a few operations each.
            EXPECT_NEAR(response.curve.at(i), x / (1 + std::exp(-response.v1 * x)) + response.v0, 1e-12)
                << response.label << " at " << x;
        }
}

TEST(ResponseCurves, show_that_a_normalization_undoes_scale_and_shift) {
    const auto list = responses(primitives::find_in_catalogue("BN-ReLU")->layer);
    const Response &plain = list.at(0), &shifted = list.at(1), &scaled = list.at(2);
    for (std::size_t i = 0; i < plain.curve.size(); ++i) {
        EXPECT_NEAR(shifted.curve[i], plain.curve[i], 1e-4) << "epsilon 1e-5 in the root remains";
        EXPECT_NEAR(scaled.curve[i], plain.curve[i], 1e-4);
    }
    EXPECT_NEAR(shifted.before.mean, 2, 1e-9);
    EXPECT_NEAR(scaled.before.deviation, 3, 1e-9);
    EXPECT_NEAR(shifted.after.mean, plain.after.mean, 1e-4);
}

TEST(ResponseCurves, tell_spread_between_channels_from_spread_between_images) {
    const auto over_batch = responses_of("x - mean_batch(x)").at(0);
    EXPECT_GT(over_batch.before.between_channels, 0.2);
    EXPECT_GT(over_batch.before.between_images, 0.1);
    EXPECT_NEAR(over_batch.after.between_channels, 0, 1e-12);
    EXPECT_GT(over_batch.after.between_images, 0.1);
    const auto over_layer = responses_of("x - mean_layer(x)").at(0);
    EXPECT_NEAR(over_layer.after.between_images, 0, 1e-12);
    EXPECT_GT(over_layer.after.between_channels, 0.2);
}

TEST(ResponseCurves, leave_out_what_a_layer_does_not_have) {
    EXPECT_EQ(responses_of("tanh(x)").size(), 3u);
    EXPECT_EQ(responses_of("tanh(x + v0)").size(), 4u);
}

}  // namespace
}  // namespace normact::evaluator
