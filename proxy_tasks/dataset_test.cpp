#include "proxy_tasks/dataset.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace normact::proxy_tasks {
namespace {
using testing::HasSubstr;

TEST(Dataset, of_an_unknown_name_is_refused_with_the_names_there_are) {
    try {
        load_dataset({.name = "imagenet", .folder = ""});
        FAIL() << "loaded";
    } catch (const std::invalid_argument& error) {
        EXPECT_THAT(error.what(), HasSubstr("imagenet"));
        for (const auto& name : dataset_names()) EXPECT_THAT(error.what(), HasSubstr(name));
    }
    EXPECT_THROW(load_test_images({.name = "imagenet", .folder = ""}), std::invalid_argument);
}

TEST(Dataset, splits_into_the_first_images_and_the_others) {
    const auto pixels = at::arange(5 * 2 * 3 * 3, at::kByte).view({5, 2, 3, 3});
    const auto data = split("five", 5, {pixels, at::arange(5, at::kLong)}, 3);
    EXPECT_TRUE(data.train.pixels.equal(pixels.narrow(0, 0, 3)));
    EXPECT_TRUE(data.train.labels.equal(at::arange(3, at::kLong)));
    EXPECT_TRUE(data.validation.pixels.equal(pixels.narrow(0, 3, 2)));
    EXPECT_TRUE(data.validation.labels.equal(at::arange(3, 5, at::kLong)));
    EXPECT_TRUE(data.train.pixels.is_contiguous() && data.validation.pixels.is_contiguous());
}

TEST(Dataset, has_mean_and_deviation_of_the_training_images_of_each_channel_alone) {
    auto pixels = at::full({3, 2, 1, 2}, 77, at::kByte);  // the validation image: far off the others
    pixels.narrow(0, 0, 2).copy_(at::arange(8, at::kByte).mul(10).view({2, 2, 1, 2}));
    const auto data = split("three", 1, {pixels, at::full({3}, 0, at::kLong)}, 2);
    const auto real = pixels.narrow(0, 0, 2).to(at::kDouble).div(255);
    for (int c = 0; c < 2; ++c) {
        const auto channel = real.select(1, c);
        EXPECT_NEAR(data.mean.at(c), channel.mean().item<double>(), 1e-7);  // float
        EXPECT_NEAR(data.deviation.at(c), channel.std(false).item<double>(), 1e-7);
    }
}

TEST(Dataset, has_the_right_deviation_where_a_plane_has_more_than_32_bits_of_squares) {
    auto pixels = at::full({3, 1, 300, 300}, 255, at::kByte);
    pixels.select(0, 0).fill_(0);
    const auto data = split("three", 1, {pixels, at::full({3}, 0, at::kLong)}, 2);
    EXPECT_NEAR(data.mean.at(0), 0.5, 1e-7);
    EXPECT_NEAR(data.deviation.at(0), 0.5, 1e-7);
}

TEST(Dataset, without_a_difference_in_a_channel_is_refused) {
    auto pixels = at::full({3, 2, 4, 4}, 77, at::kByte);
    pixels[0][0][0][0].fill_(78);
    pixels[2].fill_(0);  // the validation image does not help
    try {
        split("three", 1, {pixels, at::full({3}, 0, at::kLong)}, 2);
        FAIL() << "split";
    } catch (const DatasetError& error) {
        EXPECT_THAT(error.what(), HasSubstr("three: channel 1 of the training images is 77 at every pixel"));
    }
}

}  // namespace
}  // namespace normact::proxy_tasks
