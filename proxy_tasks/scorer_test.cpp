#include "proxy_tasks/scorer.h"

#include "primitives/catalogue.h"
#include "primitives/text.h"
#include "proxy_tasks/dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <thread>

namespace normact::proxy_tasks {
namespace {

using primitives::LayerGraph;
using primitives::parse_text;
using testing::HasSubstr;
using testing::StartsWith;

LayerGraph known(const char* name) { return primitives::find_in_catalogue(name)->layer.graph; }

/// Small enough that an evaluation takes about a second.
ScoringSettings small_settings() {
    ScoringSettings settings;
    settings.dataset = {.name = "synthetic", .folder = ""};
    settings.anchors = {"mobilenet-micro", "resnet-micro"};
    settings.training.steps = 30;
    settings.training.batch = 32;
    settings.training.crop = 16;
    settings.training.validation_images = 500;
    settings.quality = {.steps = 10, .minimum_accuracy = 0.05, .images = 200};
    settings.stability.steps = 5;
    settings.audit_share = 0;
    return settings;
}

std::vector<double> accuracies(const Outcome& outcome) {
    std::vector<double> all;
    all.reserve(outcome.scores.size());
    for (const Score& score : outcome.scores) all.push_back(score.accuracy);
    return all;
}

class ScorerTest : public testing::Test {
  protected:
    void SetUp() override { prepare_thread(); }
};

TEST_F(ScorerTest, a_good_layer_gets_a_score_on_every_anchor_in_the_order_of_the_settings) {
    const Outcome outcome = Scorer(small_settings()).evaluate(known("BN-ReLU"), 1, 3);
    EXPECT_EQ(outcome.rejection, Rejection::none) << outcome.reason;
    ASSERT_EQ(outcome.scores.size(), 2U);
    EXPECT_EQ(outcome.scores[0].task, "synthetic/mobilenet-micro");
    EXPECT_EQ(outcome.scores[1].task, "synthetic/resnet-micro");
    double seconds = 0;
    for (const Score& score : outcome.scores) {
        EXPECT_EQ(score.replicate, 3);
        EXPECT_GT(score.accuracy, 0.1);
        EXPECT_LE(score.accuracy, 1);
        seconds += score.seconds;
    }
    EXPECT_LE(seconds, outcome.seconds);
}

TEST_F(ScorerTest, a_score_can_be_had_again_to_the_last_bit) {
    const Scorer scorer(small_settings());
    const auto first = accuracies(scorer.evaluate(known("EvoNorm-B0"), 7));
    ASSERT_EQ(first.size(), 2U);
    EXPECT_EQ(accuracies(scorer.evaluate(known("EvoNorm-B0"), 7)), first);
    EXPECT_EQ(accuracies(Scorer(small_settings()).evaluate(known("EvoNorm-B0"), 7)), first);
    EXPECT_NE(accuracies(scorer.evaluate(known("EvoNorm-B0"), 8)), first);
    EXPECT_NE(accuracies(scorer.evaluate(known("EvoNorm-B0"), 7, 1)), first);
}

TEST_F(ScorerTest, paired_scores_have_random_numbers_that_do_not_depend_on_the_layer) {
    const Scorer scorer(small_settings());
    // The same function by different operations: only the hashes, and so the random numbers of `score`, differ.
    const LayerGraph one = parse_text("max(x, -x)/std_batch(x)"), other = parse_text("abs(x)/std_batch(x)");
    EXPECT_NE(accuracies(scorer.score(one, {}, 1)), accuracies(scorer.score(other, {}, 1)));
    EXPECT_EQ(accuracies(scorer.score_paired(one, {}, 1, 0)), accuracies(scorer.score_paired(other, {}, 1, 0)));
    EXPECT_NE(accuracies(scorer.score_paired(one, {}, 1, 0)), accuracies(scorer.score_paired(one, {}, 1, 1)));
}

TEST_F(ScorerTest, evaluations_at_once_on_two_threads_give_what_each_gives_alone) {
    const Scorer scorer(small_settings());
    const std::vector<const char*> layers{"BN-ReLU", "EvoNorm-S0"};
    std::vector<std::vector<double>> alone, together(layers.size());
    for (const char* layer : layers) alone.push_back(accuracies(scorer.score(known(layer), {}, 1)));
    {
        std::vector<std::jthread> threads;
        threads.reserve(layers.size());
        for (std::size_t i = 0; i < layers.size(); ++i) {
            threads.emplace_back([&, i] {
                prepare_thread();
                together[i] = accuracies(scorer.score(known(layers[i]), {}, 1));
            });
        }
    }
    EXPECT_EQ(together, alone);
}

TEST_F(ScorerTest, the_filters_are_the_first_steps_of_the_training_and_do_not_change_it) {
    const Scorer scorer(small_settings());
    EXPECT_EQ(accuracies(scorer.evaluate(known("BN-ReLU"), 1)), accuracies(scorer.score(known("BN-ReLU"), {}, 1)));
}

TEST_F(ScorerTest, a_layer_that_does_not_learn_is_rejected_for_quality_on_the_cheapest_anchor) {
    ScoringSettings settings = small_settings();
    settings.quality.minimum_accuracy = 0.2;
    const Outcome outcome = Scorer(settings).evaluate(parse_text("x - x"), 1);
    EXPECT_EQ(outcome.rejection, Rejection::quality);
    EXPECT_THAT(outcome.reason, StartsWith("mobilenet-micro: accuracy 0.1"));
    EXPECT_THAT(outcome.reason, HasSubstr("after 10 steps"));
    EXPECT_TRUE(outcome.scores.empty());
}

TEST_F(ScorerTest, a_loss_that_is_not_finite_is_a_rejection_for_quality) {
    const Outcome outcome = Scorer(small_settings()).evaluate(parse_text("exp(exp(x))"), 1);
    EXPECT_EQ(outcome.rejection, Rejection::quality);
    EXPECT_THAT(outcome.reason, HasSubstr("loss not finite after"));
}

TEST_F(ScorerTest, a_layer_that_learns_but_blows_up_is_rejected_for_stability) {
    ScoringSettings settings = small_settings();
    settings.stability.maximum_gradient_norm = 1e-3;
    const Outcome outcome = Scorer(settings).evaluate(known("BN-ReLU"), 1);
    EXPECT_EQ(outcome.rejection, Rejection::stability);
    EXPECT_THAT(outcome.reason, StartsWith("mobilenet-micro: gradient norm "));
    EXPECT_TRUE(outcome.scores.empty());
}

TEST_F(ScorerTest, an_audited_layer_stays_rejected_and_has_the_scores_of_one_that_no_filter_stopped) {
    ScoringSettings settings = small_settings();
    settings.audit_share = 1;
    settings.quality.minimum_accuracy = 0.9;
    const Scorer strict(settings);
    const Outcome too_low = strict.evaluate(known("BN-ReLU"), 1);
    EXPECT_EQ(too_low.rejection, Rejection::quality);
    EXPECT_THAT(too_low.reason, StartsWith("mobilenet-micro: accuracy "));
    EXPECT_EQ(accuracies(too_low), accuracies(strict.score(known("BN-ReLU"), {}, 1)));
    settings.quality.minimum_accuracy = 0.05;
    settings.stability.maximum_gradient_norm = 1e-3;
    const Outcome unstable = Scorer(settings).evaluate(known("BN-ReLU"), 1);
    EXPECT_EQ(unstable.rejection, Rejection::stability);
    EXPECT_EQ(accuracies(unstable), accuracies(too_low));
    settings.stability.maximum_gradient_norm = 1e8;
    EXPECT_EQ(Scorer(settings).evaluate(parse_text("exp(exp(x))"), 1).scores.at(0).accuracy, 0) << "it diverges";
}

TEST_F(ScorerTest, score_asks_no_filter) {
    ScoringSettings settings = small_settings();
    settings.quality.minimum_accuracy = 1;
    settings.stability.maximum_gradient_norm = 1e-3;
    EXPECT_EQ(Scorer(settings).score(known("BN-ReLU"), {}, 1).scores.size(), 2U);
}

TEST_F(ScorerTest, the_test_images_judge_all_at_once_and_change_no_training) {
    ScoringSettings settings = small_settings();
    settings.anchors = {"resnet-micro"};
    const Scorer scorer(settings, HeldOut::test);
    const double test = accuracies(scorer.score(known("BN-ReLU"), {}, 1)).at(0);
    const double validation = accuracies(Scorer(settings).score(known("BN-ReLU"), {}, 1)).at(0);
    EXPECT_EQ(accuracies(scorer.score(known("BN-ReLU"), {}, 1)).at(0), test);
    // The same network on 1,000 other images: thousandths of them, where 500 validation images give even ones alone.
    EXPECT_NE(test, validation);
    EXPECT_NEAR(test, validation, 0.15) << "a deviation of 0.027 of both together";
    EXPECT_NEAR(test * 1000, std::round(test * 1000), 1e-9);
    EXPECT_THROW(scorer.evaluate(known("BN-ReLU"), 1), std::logic_error) << "filters must not see them";
}

TEST_F(ScorerTest, score_runs_a_layer_with_its_own_groups_and_epsilon) {
    const Scorer scorer(small_settings());
    const auto usual = accuracies(scorer.score(known("GN-ReLU"), {}, 1));
    EXPECT_NE(accuracies(scorer.score(known("GN-ReLU"), {.groups = 1}, 1)), usual);
    EXPECT_NE(accuracies(scorer.score(known("GN-ReLU"), {.epsilon = 10}, 1)), usual);
}

TEST_F(ScorerTest, a_stop_ends_the_evaluation_wherever_it_is) {
    const Scorer scorer(small_settings());
    for (const char* stage : {"quality", "stability", "training", "validation"}) {
        std::stop_source stop;
        const auto stop_at_stage = [&](const Progress& progress) {
            EXPECT_FALSE(stop.stop_requested()) << "still at work: " << progress.stage;
            if (progress.stage.starts_with(stage) && progress.step > 1) stop.request_stop();
        };
        EXPECT_THROW(scorer.evaluate(known("BN-ReLU"), 1, 0, stop.get_token(), stop_at_stage), Stopped) << stage;
    }
}

TEST_F(ScorerTest, progress_names_every_stage_and_counts_its_steps) {
    std::set<std::string> stages;
    Scorer(small_settings()).evaluate(known("BN-ReLU"), 1, 0, {}, [&](const Progress& progress) {
        stages.insert(progress.stage);
        EXPECT_GE(progress.step, 0);
        EXPECT_LE(progress.step, progress.steps) << progress.stage;
    });
    for (const std::string stage : {"quality", "stability", "training", "validation"}) {
        for (const std::string anchor : {"mobilenet-micro", "resnet-micro"}) {
            EXPECT_TRUE(stages.contains(stage + " " + anchor)) << stage << " " << anchor;
        }
    }
}

TEST_F(ScorerTest, anchors_beyond_the_three_families_learn_and_pass_the_filters) {
    ScoringSettings settings = small_settings();
    settings.anchors = {"vgg-tiny", "convnext-tiny"};
    settings.training.crop = 24;
    settings.training.steps = 60;
    for (const char* layer : {"BN-ReLU", "EvoNorm-B0"}) {
        const Outcome outcome = Scorer(settings).evaluate(known(layer), 1);
        ASSERT_EQ(outcome.rejection, Rejection::none) << layer << " " << outcome.reason;
        // Ten classes, 500 images: chance is 0.1 with a deviation of 0.013.
        for (const Score& score : outcome.scores) EXPECT_GT(score.accuracy, 0.2) << layer << " " << score.task;
    }
}

ScoringSettings segmentation_settings() {
    ScoringSettings settings = small_settings();
    settings.dataset.name = "shapes";
    settings.anchors = {"unet-tiny"};
    settings.training.crop = 24;
    settings.training.steps = 100;
    settings.training.validation_images = 200;
    settings.training.validation_batch = 100;
    return settings;
}

TEST_F(ScorerTest, a_layer_learns_to_segment_and_its_score_can_be_had_again) {
    const Scorer scorer(segmentation_settings());
    const Outcome outcome = scorer.evaluate(known("BN-ReLU"), 1);
    ASSERT_EQ(outcome.rejection, Rejection::none) << outcome.reason;
    ASSERT_EQ(outcome.scores.size(), 1U);
    EXPECT_EQ(outcome.scores[0].task, "shapes/unet-tiny");
    // 0.27 was seen. All background scores 0.16: about 0.8 for one of five classes.
    EXPECT_GT(outcome.scores[0].accuracy, 0.2);
    EXPECT_LT(outcome.scores[0].accuracy, 1);
    EXPECT_EQ(accuracies(scorer.score(known("BN-ReLU"), {}, 1)), accuracies(outcome));
}

TEST_F(ScorerTest, a_segmentation_that_diverges_has_score_0) {
    EXPECT_EQ(accuracies(Scorer(segmentation_settings()).score(parse_text("exp(exp(x))"), {}, 1)),
              std::vector<double>{0});
}

TEST_F(ScorerTest, a_layer_is_scored_in_a_generator_and_its_score_can_be_had_again) {
    ScoringSettings settings = small_settings();
    settings.anchors = {"dcgan-tiny"};
    settings.training.validation_batch = 100;
    settings.quality.minimum_accuracy = 1;  // no filter asks a generator
    settings.stability.maximum_gradient_norm = 1e-9;
    const Scorer scorer(settings);
    bool measured = false;
    const auto outcome = scorer.score(known("BN-ReLU"), {}, 1, 0, {}, [&](const Progress& progress) {
        measured = measured || progress.stage == "yardstick dcgan-tiny";
    });
    EXPECT_TRUE(measured);
    ASSERT_EQ(outcome.scores.size(), 1U);
    EXPECT_EQ(outcome.scores[0].task, "synthetic/dcgan-tiny");
    EXPECT_GT(outcome.scores[0].accuracy, 0);
    EXPECT_LT(outcome.scores[0].accuracy, 1);
    EXPECT_EQ(accuracies(Scorer(settings).score(known("BN-ReLU"), {}, 1)), accuracies(outcome));
    EXPECT_NE(accuracies(scorer.score(known("BN-ReLU"), {}, 2)), accuracies(outcome));
    std::set<std::string> stages;
    const Outcome evaluated = scorer.evaluate(known("BN-ReLU"), 1, 0, {},
                                              [&stages](const Progress& progress) { stages.insert(progress.stage); });
    EXPECT_EQ(evaluated.rejection, Rejection::none) << evaluated.reason;
    EXPECT_EQ(accuracies(evaluated), accuracies(outcome));
    EXPECT_EQ(stages, (std::set<std::string>{"training dcgan-tiny", "validation dcgan-tiny"}));
    EXPECT_EQ(accuracies(scorer.score(parse_text("exp(exp(exp(x)))"), {}, 1)), std::vector<double>{0}) << "diverged";
    settings.training.crop = 20;
    EXPECT_THAT([&] { Scorer{settings}; },
                testing::ThrowsMessage<std::invalid_argument>(HasSubstr("must be a multiple of 8")));
}

TEST_F(ScorerTest, images_and_anchors_must_go_together) {
    ScoringSettings settings = small_settings();
    settings.anchors.emplace_back("unet-tiny");
    EXPECT_THAT([&] { Scorer{settings}; }, testing::ThrowsMessage<std::invalid_argument>(HasSubstr("no masks")));
    settings = segmentation_settings();
    settings.anchors.emplace_back("resnet-tiny");
    EXPECT_THAT([&] { Scorer{settings}; },
                testing::ThrowsMessage<std::invalid_argument>(HasSubstr("resnet-tiny needs images with classes")));
}

TEST_F(ScorerTest, settings_that_do_not_fit_the_images_are_refused_before_any_layer) {
    ScoringSettings settings = small_settings();
    settings.training.crop = 33;
    EXPECT_THAT([&] { Scorer{settings}; }, testing::ThrowsMessage<std::invalid_argument>(HasSubstr("training.crop")));
    settings = small_settings();
    settings.stability.batch = 5000;  // of 4,000 images
    EXPECT_THAT([&] { Scorer{settings}; }, testing::ThrowsMessage<std::invalid_argument>(HasSubstr("stability.batch")));
    settings = small_settings();
    settings.anchors.emplace_back("vgg-3");
    EXPECT_THAT([&] { Scorer{settings}; }, testing::ThrowsMessage<std::invalid_argument>(HasSubstr("vgg-3")));
    settings = small_settings();
    settings.engine = "abacus";
    EXPECT_THAT([&] { Scorer{settings}; }, testing::ThrowsMessage<std::invalid_argument>(HasSubstr("abacus")));
}

}  // namespace
}  // namespace normact::proxy_tasks
