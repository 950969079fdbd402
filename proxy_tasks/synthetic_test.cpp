#include "proxy_tasks/synthetic.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/bincount.h>
#include <ATen/ops/cos.h>
#include <ATen/ops/linspace.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/meshgrid.h>
#include <ATen/ops/one_hot.h>
#include <ATen/ops/sin.h>
#include <ATen/ops/stack.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

namespace normact::proxy_tasks {
namespace {

const DatasetSettings settings{.name = "synthetic", .folder = ""};

/// Gray images in [0,1], one a row, each with mean 0.
at::Tensor gray_rows(const Images& images) {
    const auto gray = images.pixels.to(at::kFloat).div(255).mean(1).flatten(1);
    return gray - gray.mean(1, true);
}

double accuracy(const at::Tensor& scores, const Images& images) {
    return scores.argmax(1).eq(images.labels).to(at::kFloat).mean().item<double>();
}

/// Classifies by the nearest of the class means of the training images.
double accuracy_of_class_means(const Dataset& data) {
    const auto members = at::one_hot(data.train.labels, data.classes).to(at::kFloat);
    const auto means = members.t().matmul(gray_rows(data.train)) / members.sum(0).unsqueeze(1);
    const auto scores = gray_rows(data.validation).matmul(means.t()) * 2 - means.square().sum(1);
    return accuracy(scores, data.validation);
}

/// Classifies by the energy at each class's direction and frequency, mirrored or not: what trained filters can find.
double accuracy_of_gratings(const Dataset& data) {
    const auto steps = at::linspace(0, 31, 32);
    const auto grid = at::meshgrid({steps, steps}, "ij");
    const auto rows = gray_rows(data.validation);
    std::vector<at::Tensor> energies;
    for (int label = 0; label < data.classes; ++label) {
        const double angle = std::numbers::pi / 8 * (label % 5);
        const double frequency = 2 * std::numbers::pi * (label < 5 ? 3 : 6) / 32;
        std::vector<at::Tensor> sides;
        for (const double mirror : {1.0, -1.0}) {
            const auto along = (mirror * std::cos(angle) * grid[1] + std::sin(angle) * grid[0]) * frequency;
            sides.push_back(rows.matmul(at::sin(along).flatten()).square() +
                            rows.matmul(at::cos(along).flatten()).square());
        }
        energies.push_back(at::stack(sides, 1).amax(1));
    }
    return accuracy(at::stack(energies, 1), data.validation);
}

TEST(Synthetic, is_always_the_same_and_has_other_test_images) {
    const auto first = load_dataset(settings), second = load_dataset(settings);
    EXPECT_TRUE(first.train.pixels.equal(second.train.pixels));
    EXPECT_TRUE(first.validation.labels.equal(second.validation.labels));
    EXPECT_FALSE(load_test_images(settings).pixels.equal(first.validation.pixels));
}

TEST(Synthetic, has_images_of_every_class) {
    const auto data = load_dataset(settings);
    EXPECT_EQ(data.train.pixels.sizes(), (std::vector<std::int64_t>{4000, 3, 32, 32}));
    EXPECT_EQ(data.validation.pixels.sizes(), (std::vector<std::int64_t>{1000, 3, 32, 32}));
    EXPECT_EQ(at::bincount(data.train.labels).size(0), data.classes);
    EXPECT_TRUE((at::bincount(data.train.labels) > 300).all().item<bool>());
}

TEST(Synthetic, can_be_learned_with_filters_but_not_from_single_pixels) {
    const auto data = load_dataset(settings);
    // A class mean is what is left of gratings with random phases: an image fits its own class's with either sign, so
    // the best that a linear classifier can hope for is about half.
    EXPECT_LT(accuracy_of_class_means(data), 0.6);
    EXPECT_GT(accuracy_of_gratings(data), 0.9);
}

}  // namespace
}  // namespace normact::proxy_tasks
