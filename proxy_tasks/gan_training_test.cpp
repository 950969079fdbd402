#include "proxy_tasks/gan_training.h"

#include "proxy_tasks/batch_norm_relu.h"
#include "proxy_tasks/scorer.h"

#include <ATen/ops/equal.h>
#include <gtest/gtest.h>
#include <torch/nn/modules/container/functional.h>

#include <memory>

namespace normact::proxy_tasks {
namespace {

const Trial trial{.study_seed = 1, .layer = {2, 3}, .task = "synthetic/dcgan-tiny", .replicate = 0};

class GanOnSyntheticImages : public testing::Test {
  protected:
    static void SetUpTestSuite() {
        prepare_thread();
        dataset = new Dataset(load_dataset({.name = "synthetic", .folder = ""}));
        yardstick = new Yardstick(
            *dataset, crop, [] {}, 50);  // few steps: each test is a process of its own
    }
    static void TearDownTestSuite() {
        delete yardstick;
        delete dataset;
    }

    static GanTraining start(int steps, const MakeLayer& layer = batch_norm_relu, const Trial& from = trial) {
        TrainingSettings settings;
        settings.steps = steps;
        settings.batch = 16;
        settings.crop = crop;
        settings.validation_batch = 100;
        return {find_anchor("dcgan-tiny"), *dataset, settings, layer, *yardstick, from};
    }

    static double closeness_after(GanTraining& training, int steps) {
        training.advance_to(steps, [] {});
        return training.validate(300, [] {});
    }

    static constexpr int crop = 16;
    static Dataset* dataset;  ///< loaded once for all tests
    static Yardstick* yardstick;
};
Dataset* GanOnSyntheticImages::dataset = nullptr;
Yardstick* GanOnSyntheticImages::yardstick = nullptr;

TEST_F(GanOnSyntheticImages, learns_to_make_images_like_the_real_ones) {
    GanTraining training = start(150);
    const double before = training.validate(300, [] {}), after = closeness_after(training, 150);
    // 0.56 and 0.60 were seen. These images are mostly noise, which a generator from few numbers does not make.
    EXPECT_GT(after, before + 0.02);
    EXPECT_LT(after, 1);
}

TEST_F(GanOnSyntheticImages, an_early_look_changes_nothing_and_equal_trials_give_equal_images) {
    GanTraining looked_at = start(6), left_alone = start(6);
    looked_at.advance_to(3, [] {});
    looked_at.validate(100, [] {});
    EXPECT_EQ(closeness_after(looked_at, 6), closeness_after(left_alone, 6));
    EXPECT_EQ(looked_at.loss(), left_alone.loss());
    for (std::size_t i = 0; i < looked_at.generator().parameters().size(); ++i)
        EXPECT_TRUE(at::equal(looked_at.generator().parameters()[i], left_alone.generator().parameters()[i]));
    Trial other = trial;
    other.replicate = 1;
    GanTraining another = start(6, batch_norm_relu, other);
    EXPECT_NE(closeness_after(another, 6), closeness_after(left_alone, 6));
}

TEST_F(GanOnSyntheticImages, a_loss_that_is_not_finite_ends_it_with_0) {
    GanTraining training = start(20, [](std::int64_t) {
        return torch::nn::AnyModule(torch::nn::Functional([](const at::Tensor& x) { return x.exp().exp() * 0; }));
    });
    EXPECT_EQ(closeness_after(training, 20), 0);
    EXPECT_TRUE(training.diverged());
}

TEST_F(GanOnSyntheticImages, what_a_checkpoint_throws_ends_the_work_before_the_next_step) {
    GanTraining training = start(20);
    int calls = 0;
    EXPECT_THROW(training.advance_to(20,
                                     [&calls] {
                                         if (++calls == 3) throw Stopped();
                                     }),
                 Stopped);
    EXPECT_EQ(training.steps_done(), 2);
    EXPECT_THROW(training.validate(100, [] { throw Stopped(); }), Stopped);
    EXPECT_THROW(Yardstick(*dataset, crop, [] { throw Stopped(); }), Stopped);
}

/// The floor and the ceiling of the measure: real images against other real ones, and gray.
TEST_F(GanOnSyntheticImages, the_yardstick_tells_real_images_from_gray_ones) {
    const Images& real = dataset->train;
    std::vector<Cut> cuts;
    for (std::int64_t i = 0; i < 1000; ++i) cuts.push_back({i, 8, 8, false});
    const Batch batch = cut(*dataset, real, cuts, crop);
    EXPECT_GT(yardstick->closeness_to_real(yardstick->features(batch.images), 1000), 0.9);
    EXPECT_LE(yardstick->closeness_to_real(yardstick->features(batch.images * 0), 1000), 0.5);
}

}  // namespace
}  // namespace normact::proxy_tasks
