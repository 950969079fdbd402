#include "proxy_tasks/batches.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <stdexcept>

namespace normact::proxy_tasks {
namespace {

/// Images whose every pixel tells where it comes from: image n has the value 100·n + 10·y + x in channel 0 and that
/// plus 1 in channel 1.
Dataset numbered_images(std::int64_t count, std::int64_t side) {
    Dataset dataset{.name = "numbered",
                    .classes = 10,
                    .train = {},
                    .validation = {},
                    .mean = {0.1F, 0.3F},
                    .deviation = {0.5F, 0.2F}};
    const at::Tensor y = at::arange(side).view({1, 1, side, 1}), x = at::arange(side).view({1, 1, 1, side});
    const at::Tensor n = at::arange(count).view({count, 1, 1, 1}), c = at::arange(2).view({1, 2, 1, 1});
    dataset.train = {(100 * n + 10 * y + x + c).to(at::kByte).contiguous(), at::arange(count) % 10};
    dataset.validation = dataset.train;
    return dataset;
}

/// What write_cuts promises, by ATen's operations.
at::Tensor expected_cut(const Dataset& dataset, const Cut& cut, int side) {
    constexpr int margin = 20;
    const at::Tensor pixels = dataset.train.pixels[cut.image].to(at::kFloat) / 255;
    at::Tensor image = at::constant_pad_nd(pixels, {margin, margin, margin, margin}, 0)
                           .slice(1, cut.top + margin, cut.top + margin + side)
                           .slice(2, cut.left + margin, cut.left + margin + side);
    if (cut.mirrored) image = image.flip({2});
    const auto channel = [](const std::vector<float>& values) { return at::tensor(values).view({-1, 1, 1}); };
    return (image - channel(dataset.mean)) / channel(dataset.deviation);
}

TEST(Batches, a_cut_is_the_part_of_the_image_normalized_and_black_outside) {
    const Dataset dataset = numbered_images(2, 6);
    const std::vector<Cut> cuts{{0, 0, 0, false}, {1, 1, 2, false},  {1, 1, 2, true},  {0, -2, -1, false},
                                {1, 4, 5, true},  {0, -9, 0, false}, {1, 0, 9, false}, {0, 3, -3, true}};
    constexpr int side = 4;
    const auto count = static_cast<std::int64_t>(cuts.size());
    Batch batch{at::empty({count, 2, side, side}, at::kFloat, at::MemoryFormat::ChannelsLast),
                at::empty({count}, at::kLong)};
    write_cuts(dataset, dataset.train, cuts, side, batch);
    for (std::int64_t i = 0; i < count; ++i) {
        // Two roundings of numbers below 5, in another order than ATen's: a few of 2^-24·5.
        EXPECT_TRUE(at::allclose(batch.images[i], expected_cut(dataset, cuts[i], side), 0, 2e-6)) << "cut " << i;
        EXPECT_EQ(batch.labels[i].item<std::int64_t>(), cuts[i].image);
    }
}

TEST(Batches, whole_images_are_the_images) {
    const Dataset dataset = numbered_images(3, 5);
    const Batch batch = whole_images(dataset, dataset.validation, 1, 2);
    EXPECT_TRUE(batch.images.is_contiguous(at::MemoryFormat::ChannelsLast));
    EXPECT_TRUE(at::allclose(batch.images[0], expected_cut(dataset, {1, 0, 0, false}, 5), 0, 2e-6));
    EXPECT_TRUE(at::equal(batch.labels, at::tensor({1, 2}, at::kLong)));
}

TEST(Batches, crops_and_mirrors_are_uniform) {
    const Dataset dataset = numbered_images(1, 4);
    TrainingBatches batches(dataset, 1, 2, true, Generator(1), Generator(2));
    constexpr int draws = 9000;
    std::map<int, int> seen;  // a corner at column x unmirrored, x+1 mirrored, tells both
    for (int i = 0; i < draws; ++i) {
        const Batch& batch = batches.next();
        const at::Tensor stored = ((batch.images[0][0] * dataset.deviation[0] + dataset.mean[0]) * 255).round();
        const int left = stored[0][0].item<int>(), right = stored[0][1].item<int>();
        ++seen[left < right ? left : 100 + right];
    }
    EXPECT_EQ(seen.size(), 18U);  // 3×3 places, mirrored or not
    for (const auto& [place, count] : seen) {
        // Binomial with mean 500 and deviation below 22: five of these.
        EXPECT_NEAR(count, draws / 18.0, 110) << "place " << place;
    }
}

TEST(Batches, a_crop_of_the_image_s_side_moves_by_four_pixels_at_most) {
    const Dataset dataset = numbered_images(1, 8);
    TrainingBatches batches(dataset, 1, 8, false, Generator(1), Generator(2));
    int black_top_left = 0, whole = 0;
    constexpr int draws = 8100;
    for (int i = 0; i < draws; ++i) {
        const at::Tensor stored =
            ((batches.next().images[0][1] * dataset.deviation[1] + dataset.mean[1]) * 255).round();
        black_top_left += stored[3][3].item<int>() == 0 ? 1 : 0;  // padded by 4 from the top or from the left
        whole += stored[0][0].item<int>() == 1 && stored[7][7].item<int>() == 78 ? 1 : 0;
    }
    // One of 81 places is the image itself, 17 of 81 have a shift of 4; five standard deviations.
    EXPECT_NEAR(whole, draws / 81.0, 50);
    EXPECT_NEAR(black_top_left, draws * 17 / 81.0, 185);
}

TEST(Batches, an_epoch_shows_every_image_once) {
    const Dataset dataset = numbered_images(3, 6);  // corners 0, 100 and 200
    TrainingBatches batches(dataset, 1, 1, false, Generator(3), Generator(4));
    for (int epoch = 0; epoch < 20; ++epoch) {
        std::vector<std::int64_t> labels;
        labels.reserve(3);
        for (int i = 0; i < 3; ++i) labels.push_back(batches.next().labels[0].item<std::int64_t>());
        EXPECT_THAT(labels, testing::UnorderedElementsAre(0, 1, 2));
    }
}

TEST(Batches, images_that_fill_no_batch_wait_for_another_epoch) {
    const Dataset dataset = numbered_images(5, 6);
    TrainingBatches batches(dataset, 2, 4, true, Generator(3), Generator(4));
    std::map<std::int64_t, int> seen;
    for (int i = 0; i < 500; ++i) {
        const Batch& batch = batches.next();
        const auto first = batch.labels[0].item<std::int64_t>(), second = batch.labels[1].item<std::int64_t>();
        EXPECT_NE(first, second);
        ++seen[first];
        ++seen[second];
    }
    for (std::int64_t label = 0; label < 5; ++label) EXPECT_NEAR(seen[label], 200, 50);  // deviation below 8
}

TEST(Batches, equal_seeds_give_equal_batches_and_others_do_not) {
    const Dataset dataset = numbered_images(3, 8);
    const auto tenth = [&](std::uint64_t order, std::uint64_t crops) {
        TrainingBatches batches(dataset, 2, 4, true, Generator(order), Generator(crops));
        for (int i = 0; i < 9; ++i) batches.next();
        return batches.next().images.clone();
    };
    EXPECT_TRUE(at::equal(tenth(1, 2), tenth(1, 2)));
    EXPECT_FALSE(at::equal(tenth(1, 2), tenth(1, 3)));
}

TEST(Batches, are_written_to_the_same_buffers_again_and_again) {
    const Dataset dataset = numbered_images(3, 8);
    TrainingBatches batches(dataset, 2, 4, true, Generator(1), Generator(2));
    const void* images = batches.next().images.const_data_ptr();
    EXPECT_EQ(batches.next().images.const_data_ptr(), images);
}

TEST(Batches, a_crop_or_batch_that_does_not_fit_is_an_error_that_names_it) {
    const Dataset dataset = numbered_images(3, 8);
    using testing::HasSubstr;
    using testing::ThrowsMessage;
    EXPECT_THAT([&] { check_batches(dataset, 1, 9, "batch"); },
                ThrowsMessage<std::invalid_argument>(AllOf(HasSubstr("training.crop is 9"), HasSubstr("side of 8"))));
    EXPECT_THAT([&] { check_batches(dataset, 4, 8, "scoring.stability.batch"); },
                ThrowsMessage<std::invalid_argument>(HasSubstr("scoring.stability.batch is 4")));
    EXPECT_NO_THROW(check_batches(dataset, 3, 8, "batch"));
}

TEST(Batches, masks_are_cut_as_their_images_are) {
    // One channel, whose pixels are the mask's labels.
    const at::Tensor masks = at::arange(2 * 8 * 8).remainder(100).to(at::kByte).view({2, 8, 8});
    const Images images{masks.unsqueeze(1).contiguous(), masks};
    const Dataset data = split("masks", 100, {images.pixels, images.labels}, 2);
    const std::vector<Cut> cuts{{0, 1, 2, false}, {1, 3, 0, true}, {0, -2, 4, true}};
    Batch batch{at::empty({3, 1, 5, 5}).contiguous(at::MemoryFormat::ChannelsLast), at::empty({3, 5, 5}, at::kLong)};
    write_cuts(data, images, cuts, 5, batch);
    const at::Tensor pixels =
        ((batch.images * data.deviation[0] + data.mean[0]) * 255).round().to(at::kLong).squeeze(1);
    const at::Tensor inside = batch.labels != ignored;
    EXPECT_TRUE(at::equal(batch.labels.masked_select(inside), pixels.masked_select(inside)));
    EXPECT_EQ(inside[0].sum().item<int>(), 25);
    EXPECT_EQ(inside[1].sum().item<int>(), 25);
    EXPECT_EQ(inside[2].sum().item<int>(), 3 * 4) << "two rows above the image, one column beside it";
    EXPECT_EQ(batch.labels[1][0][0].item<int>(), 64 + 3 * 8 + 4) << "mirrored";
}

TEST(Batches, count_if_one_pixel_of_their_masks_does) {
    Batch batch{{}, at::full({2, 3, 3}, ignored, at::kLong)};
    EXPECT_FALSE(anything_counts(batch));
    batch.labels[1][2][0].fill_(0);
    EXPECT_TRUE(anything_counts(batch));
    EXPECT_TRUE(anything_counts({{}, at::zeros({4}, at::kLong)})) << "classes";
}

}  // namespace
}  // namespace normact::proxy_tasks
