#include "proxy_tasks/training.h"

#include "proxy_tasks/batch_norm_relu.h"
#include "proxy_tasks/device_training.h"
#include "proxy_tasks/scorer.h"

#include <ATen/ops/equal.h>
#include <gtest/gtest.h>
#include <torch/nn/modules/container/functional.h>

#include <cmath>
#include <limits>
#include <memory>
#include <stdexcept>

namespace normact::proxy_tasks {
namespace {

const Trial trial{.study_seed = 1, .layer = {2, 3}, .task = "synthetic/resnet-micro", .replicate = 0};

/// A layer without parameters.
MakeLayer elementwise(at::Tensor (*function)(const at::Tensor&)) {
    return [function](std::int64_t) { return torch::nn::AnyModule(torch::nn::Functional(function)); };
}

/// CpuTraining, and DeviceTraining with the CPU as its device.
enum class Kind { cpu, device };

class TrainingOnSyntheticImages : public testing::TestWithParam<Kind> {
  protected:
    static void SetUpTestSuite() {
        prepare_thread();
        dataset = new Dataset(load_dataset({.name = "synthetic", .folder = ""}));
        data = new DeviceDataset(on_device(*dataset, at::kCPU));
    }
    static void TearDownTestSuite() {
        delete dataset;
        delete data;
    }

    static TrainingSettings settings(int steps) {
        TrainingSettings chosen;
        chosen.steps = steps;
        chosen.batch = 32;
        return chosen;
    }

    static std::unique_ptr<Training> make(Kind kind, const TrainingSettings& chosen, const MakeLayer& layer,
                                          const Trial& from) {
        const Anchor& anchor = find_anchor("resnet-micro");
        if (kind == Kind::cpu) return std::make_unique<CpuTraining>(anchor, *dataset, chosen, layer, from);
        return std::make_unique<DeviceTraining>(anchor, *dataset, *data, chosen, Precision::float32, layer, from);
    }

    static std::unique_ptr<Training> start(int steps, const MakeLayer& layer = batch_norm_relu,
                                           const Trial& from = trial) {
        return make(GetParam(), settings(steps), layer, from);
    }

    static double accuracy_after(const std::unique_ptr<Training>& training, int steps) {
        training->advance_to(steps, [] {});
        return training->validate(1000, [] {});
    }

    static Dataset* dataset;  ///< loaded once for all tests
    static DeviceDataset* data;
};
Dataset* TrainingOnSyntheticImages::dataset = nullptr;
DeviceDataset* TrainingOnSyntheticImages::data = nullptr;
INSTANTIATE_TEST_SUITE_P(Kinds, TrainingOnSyntheticImages, testing::Values(Kind::cpu, Kind::device),
                         [](const auto& test) { return test.param == Kind::cpu ? "cpu" : "device"; });

TEST_P(TrainingOnSyntheticImages, a_small_network_learns) {
    // Ten classes, 1,000 images: chance is 0.1 with a deviation of 0.01.
    EXPECT_LT(accuracy_after(start(200), 0), 0.2);
    EXPECT_GT(accuracy_after(start(200), 200), 0.5);
}

TEST_P(TrainingOnSyntheticImages, an_early_look_changes_nothing) {
    const auto looked_at = start(20), left_alone = start(20);
    looked_at->advance_to(10, [] {});
    looked_at->validate(100, [] {});
    looked_at->advance_to(20, [] {});
    left_alone->advance_to(20, [] {});
    EXPECT_EQ(looked_at->loss(), left_alone->loss());
    EXPECT_EQ(looked_at->validate(1000, [] {}), left_alone->validate(1000, [] {}));
}

TEST_P(TrainingOnSyntheticImages, equal_trials_give_equal_losses_and_other_replicates_do_not) {
    const auto loss = [](int replicate) {
        Trial other = trial;
        other.replicate = replicate;
        const auto training = start(5, batch_norm_relu, other);
        training->advance_to(5, [] {});
        return training->loss();
    };
    EXPECT_EQ(loss(0), loss(0));
    EXPECT_NE(loss(0), loss(1));
}

TEST_P(TrainingOnSyntheticImages, no_step_is_taken_beyond_the_settings) {
    const auto training = start(7);
    training->advance_to(100, [] {});
    EXPECT_EQ(training->steps_done(), 7);
}

TEST_P(TrainingOnSyntheticImages, a_loss_that_is_not_finite_ends_the_training_with_accuracy_0) {
    const auto training = start(50, elementwise([](const at::Tensor& x) { return x.exp().exp(); }));
    training->advance_to(50, [] {});
    EXPECT_TRUE(training->diverged());
    EXPECT_LT(training->steps_done(), 50);
    EXPECT_EQ(training->validate(1000, [] {}), 0);
}

TEST_P(TrainingOnSyntheticImages, logits_that_are_equal_or_not_numbers_are_right_for_no_image) {
    EXPECT_EQ(accuracy_after(start(5, elementwise([](const at::Tensor& x) { return x * 0; })), 0), 0);
    const auto not_a_number = [](const at::Tensor& x) { return x * std::numeric_limits<double>::quiet_NaN(); };
    EXPECT_EQ(accuracy_after(start(5, elementwise(not_a_number)), 0), 0);
}

TEST_P(TrainingOnSyntheticImages, validation_takes_the_size_of_its_batches_only_for_memory) {
    const auto accuracy = [](int batch) {
        TrainingSettings chosen = settings(30);
        chosen.validation_batch = batch;
        const auto training = make(GetParam(), chosen, batch_norm_relu, trial);
        return accuracy_after(training, 30);
    };
    // Other batches may round the logits otherwise: an image or two may change sides.
    EXPECT_NEAR(accuracy(1000), accuracy(77), 0.003);
}

TEST_P(TrainingOnSyntheticImages, what_a_checkpoint_throws_ends_the_work_before_the_next_step) {
    const auto training = start(20);
    int calls = 0;
    const auto third = [&calls] {
        if (++calls == 3) throw std::runtime_error("enough");
    };
    EXPECT_THROW(training->advance_to(20, third), std::runtime_error);
    EXPECT_EQ(training->steps_done(), 2);
    EXPECT_THROW(training->validate(1000, [] { throw std::runtime_error("enough"); }), std::runtime_error);
}

/// The same images, first weights and steps; sums in another order.
TEST_P(TrainingOnSyntheticImages, is_the_same_on_the_cpu_and_on_a_device_up_to_rounding) {
    if (GetParam() == Kind::cpu) return;  // it compares both
    for (const auto crop : {24, 32}) {
        TrainingSettings chosen = settings(12);
        chosen.crop = crop;
        const auto cpu = make(Kind::cpu, chosen, batch_norm_relu, trial);
        const auto device = make(Kind::device, chosen, batch_norm_relu, trial);
        for (const int steps : {1, 5, 12}) {
            cpu->advance_to(steps, [] {});
            device->advance_to(steps, [] {});
            EXPECT_NEAR(device->loss(), cpu->loss(), 2e-4) << steps << " steps, crop " << crop;
        }
        EXPECT_NEAR(device->validate(1000, [] {}), cpu->validate(1000, [] {}), 0.005);
    }
}

TEST_P(TrainingOnSyntheticImages, adamw_learns_and_takes_the_same_steps_on_the_cpu_and_on_a_device) {
    TrainingSettings chosen = settings(150);
    chosen.optimizer = Optimizer::adamw;
    chosen.learning_rate = 3e-3;
    chosen.weight_decay = 0.05;
    const auto training = make(GetParam(), chosen, batch_norm_relu, trial);
    const auto on_cpu = make(Kind::cpu, chosen, batch_norm_relu, trial);
    for (const int steps : {1, 5}) {  // later ones differ more: where a gradient is small its sign is the step
        training->advance_to(steps, [] {});
        on_cpu->advance_to(steps, [] {});
        EXPECT_NEAR(training->loss(), on_cpu->loss(), 1e-3) << steps << " steps";
    }
    EXPECT_GT(accuracy_after(training, 150), 0.4);
}

TEST_P(TrainingOnSyntheticImages, learns_in_bfloat16_on_a_device) {
    if (GetParam() == Kind::cpu) return;
    DeviceTraining training(find_anchor("resnet-micro"), *dataset, *data, settings(100), Precision::bfloat16,
                            batch_norm_relu, trial);
    training.advance_to(100, [] {});
    EXPECT_GT(training.validate(1000, [] {}), 0.35);
}

TEST(TrainingOnMasks, a_batch_without_a_pixel_that_counts_changes_nothing_and_is_no_divergence) {
    prepare_thread();
    Dataset dataset = load_dataset({.name = "shapes", .folder = ""});
    const at::Tensor masks = dataset.train.labels.clone();
    dataset.train.labels.fill_(uncounted);
    TrainingSettings settings;
    settings.steps = 40;
    settings.batch = 1;
    CpuTraining training(find_anchor("unet-tiny"), dataset, settings, batch_norm_relu, trial);
    std::vector<at::Tensor> before;
    for (const at::Tensor& parameter : training.network().parameters()) before.push_back(parameter.detach().clone());
    training.advance_to(10, [] {});
    EXPECT_EQ(training.steps_done(), 10);
    EXPECT_EQ(training.loss(), 0);
    for (std::size_t i = 0; i < before.size(); ++i)
        EXPECT_TRUE(at::equal(training.network().parameters()[i], before[i])) << i;
    for (std::int64_t i = 0; i < masks.size(0); i += 2) dataset.train.labels[i].copy_(masks[i]);
    int with_a_loss = 0;
    for (int steps = 11; steps <= 40; ++steps) {
        training.advance_to(steps, [] {});
        ASSERT_TRUE(std::isfinite(training.loss())) << steps;
        with_a_loss += training.loss() != 0 ? 1 : 0;
    }
    EXPECT_GT(with_a_loss, 0);
    EXPECT_LT(with_a_loss, 30);
    EXPECT_FALSE(training.diverged());
    EXPECT_FALSE(at::equal(training.network().parameters()[0], before[0]));
}

}  // namespace
}  // namespace normact::proxy_tasks
