#include "proxy_tasks/shapes.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/bincount.h>
#include <gtest/gtest.h>

namespace normact::proxy_tasks {
namespace {

const DatasetSettings settings{.name = "shapes", .folder = ""};

TEST(Shapes, are_always_the_same_and_have_other_test_images) {
    const Dataset data = load_shapes(settings);
    EXPECT_TRUE(data.train.pixels.equal(load_shapes(settings).train.pixels));
    EXPECT_TRUE(data.train.labels.equal(load_shapes(settings).train.labels));
    const Images test = load_shapes_test(settings);
    EXPECT_EQ(test.pixels.size(0), 500);
    EXPECT_FALSE(test.pixels.equal(data.validation.pixels));
}

TEST(Shapes, have_a_class_for_every_pixel_and_enough_of_each) {
    const Dataset data = load_shapes(settings);
    ASSERT_TRUE(data.train.have_masks());
    EXPECT_EQ(data.classes, 5);
    const auto counts = at::bincount(data.train.labels.flatten().to(at::kLong), {}, data.classes);
    EXPECT_EQ(counts.size(0), data.classes);
    const auto share = [&](std::int64_t label) {
        return counts[label].item<double>() / static_cast<double>(data.train.labels.numel());
    };
    EXPECT_GT(share(0), 0.5) << "background";
    for (std::int64_t label = 1; label < data.classes; ++label) EXPECT_GT(share(label), 0.03) << label;
}

TEST(Shapes, do_not_betray_their_class_by_their_color) {
    const Dataset data = load_shapes(settings);
    const auto gray = data.train.pixels.to(at::kFloat).mean(1);
    const auto mean = gray.masked_select(data.train.labels > 0).mean().item<double>();
    for (int label = 1; label < data.classes; ++label) {
        // The deviation of a shape's gray is 24; some 1,000 shapes of each class: 0.8. Five of these.
        EXPECT_NEAR(gray.masked_select(data.train.labels == label).mean().item<double>(), mean, 4) << label;
    }
}

}  // namespace
}  // namespace normact::proxy_tasks
