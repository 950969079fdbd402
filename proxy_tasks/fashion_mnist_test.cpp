#include "proxy_tasks/fashion_mnist.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/bincount.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace normact::proxy_tasks {
namespace {
using testing::HasSubstr;

const Bytes two_images{0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
const Bytes two_labels{0, 0, 8, 1, 0, 0, 0, 2, 9, 4};

Bytes with(Bytes bytes, std::size_t position, std::uint8_t value) {
    bytes.at(position) = value;
    return bytes;
}

std::string error_of(const Bytes& images, const Bytes& labels) {
    try {
        parse_idx(images, labels, "images.gz");
    } catch (const DatasetError& error) {
        return error.what();
    }
    return "nothing was wrong";
}

TEST(Idx, holds_images_row_by_row_with_their_labels) {
    const auto images = parse_idx(two_images, two_labels, "images.gz");
    EXPECT_EQ(images.pixels.sizes(), (std::vector<std::int64_t>{2, 1, 2, 3}));
    EXPECT_EQ(images.pixels[0][0][1][2].item<int>(), 5);
    EXPECT_EQ(images.pixels[1][0][0][0].item<int>(), 6);
    EXPECT_EQ(images.labels[0].item<int>(), 9);
    EXPECT_EQ(images.labels[1].item<int>(), 4);
}

TEST(Idx, that_is_not_what_it_should_be_is_named) {
    EXPECT_THAT(error_of({}, two_labels), HasSubstr("images.gz: an IDX file ends within its header"));
    EXPECT_THAT(error_of(two_labels, two_labels), HasSubstr("header"));
    EXPECT_THAT(error_of(with(two_images, 3, 1), two_labels), HasSubstr("magic number"));
    EXPECT_THAT(error_of(with(two_images, 7, 3), two_labels), HasSubstr("as many labels"));
    EXPECT_THAT(error_of(with(two_images, 11, 3), two_labels), HasSubstr("not as long"));
    EXPECT_THAT(error_of(with(two_images, 8, 255), two_labels), HasSubstr("not as long"));
    EXPECT_THAT(error_of(two_images, with(two_labels, 9, 10)), HasSubstr("not below 10"));
    EXPECT_THAT(error_of(two_images, {0, 0, 8, 1, 0, 0, 0, 2, 9}), HasSubstr("not as long"));
}

/// Debian's package, which tools/setup installs.
TEST(FashionMnist, has_50000_images_to_train_and_10000_to_validate) {
    const DatasetSettings settings{.name = "fashion-mnist", .folder = ""};
    Dataset dataset;
    try {
        dataset = load_dataset(settings);
    } catch (const DatasetError& error) {
        GTEST_SKIP() << error.what();
    }
    EXPECT_EQ(dataset.train.pixels.sizes(), (std::vector<std::int64_t>{50000, 1, 28, 28}));
    EXPECT_EQ(dataset.validation.pixels.sizes(), (std::vector<std::int64_t>{10000, 1, 28, 28}));
    EXPECT_EQ(load_test_images(settings).pixels.sizes(), (std::vector<std::int64_t>{10000, 1, 28, 28}));
    EXPECT_EQ(at::bincount(dataset.train.labels).size(0), dataset.classes);
    EXPECT_TRUE((at::bincount(dataset.train.labels) > 4800).all().item<bool>());
    EXPECT_EQ(dataset.train.labels[0].item<int>(), 9);  // the first image is an ankle boot
    // The values commonly used for all 60,000 training images are .2860 and .3530.
    EXPECT_NEAR(dataset.mean.at(0), 0.2860, 0.002);
    EXPECT_NEAR(dataset.deviation.at(0), 0.3530, 0.002);
}

}  // namespace
}  // namespace normact::proxy_tasks
