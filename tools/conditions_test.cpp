#include "tools/conditions.h"

#include "tools/command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace normact::tools {
namespace {

using proxy_tasks::Optimizer;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

/// 400 steps of batch 64 at a rate of 0.1.
search::Configuration configuration() {
    search::Configuration configuration = search::preset("laptop-s");
    configuration.scoring.anchors = {"resnet-tiny", "mobilenet-tiny"};
    configuration.scoring.training.learning_rate = 0.1;
    return configuration;
}

TEST(Conditions, are_the_configurations_own_without_variations) {
    const auto conditions = make_conditions(configuration(), {}, false);
    ASSERT_EQ(conditions.size(), 2u);
    EXPECT_EQ(long_name(conditions[0]), "resnet-tiny, batch 64, sgd");
    EXPECT_EQ(short_name(conditions[1], conditions), "mobilenet-tiny");
    EXPECT_THAT(conditions[0].configuration.scoring.anchors, ElementsAre("resnet-tiny"));
    EXPECT_EQ(conditions[0].configuration.scoring.training, configuration().scoring.training);
}

TEST(Conditions, of_all_batch_sizes_see_as_many_images_and_scale_the_rate) {
    const auto conditions = make_conditions(configuration(), {{"resnet-tiny"}, {64, 16, 256}, {Optimizer::sgd}}, false);
    ASSERT_EQ(conditions.size(), 3u);
    for (const Condition& condition : conditions) {
        const auto& training = condition.configuration.scoring.training;
        EXPECT_EQ(training.steps * training.batch, 400 * 64);
        EXPECT_DOUBLE_EQ(training.learning_rate, 0.1 * condition.batch / 64);
    }
    EXPECT_EQ(short_name(conditions[1], conditions), "resnet-tiny 16");
}

TEST(Conditions, of_another_optimizer_have_its_rate_and_decay) {
    const auto sgd = configuration();
    auto adamw = sgd;
    adamw.scoring.training.optimizer = Optimizer::adamw;
    adamw.scoring.training.learning_rate = 0.002;
    adamw.scoring.training.weight_decay = 0.1;
    const auto of = [](const search::Configuration& from, Optimizer optimizer) {
        return make_conditions(from, {{"resnet-tiny"}, {256}, {optimizer}}, false)[0].configuration.scoring.training;
    };
    EXPECT_EQ(of(sgd, Optimizer::adamw).optimizer, Optimizer::adamw);
    EXPECT_DOUBLE_EQ(of(sgd, Optimizer::adamw).learning_rate, 0.1 * 0.01 * 2);
    EXPECT_EQ(of(sgd, Optimizer::adamw).weight_decay, 0.05);
    EXPECT_EQ(of(adamw, Optimizer::sgd).optimizer, Optimizer::sgd);
    EXPECT_DOUBLE_EQ(of(adamw, Optimizer::sgd).learning_rate, 0.002 * 100 * 4);
    EXPECT_EQ(of(adamw, Optimizer::sgd).weight_decay, 1e-4);
    EXPECT_DOUBLE_EQ(of(adamw, Optimizer::adamw).learning_rate, 0.002 * 2);
    EXPECT_EQ(of(adamw, Optimizer::adamw).weight_decay, 0.1);
    const auto unchanged = make_conditions(adamw, {{"resnet-tiny"}, {}, {}}, false);
    EXPECT_EQ(long_name(unchanged[0]), "resnet-tiny, batch 64, adamw");
    EXPECT_EQ(unchanged[0].configuration.scoring.training, adamw.scoring.training);
}

TEST(Conditions, may_have_a_data_set_of_their_own) {
    const auto conditions = make_conditions(configuration(), {{"resnet-tiny@synthetic", "resnet-tiny"}, {}, {}}, false);
    EXPECT_EQ(conditions[0].configuration.scoring.dataset.name, "synthetic");
    EXPECT_THAT(conditions[0].configuration.scoring.anchors, ElementsAre("resnet-tiny"));
    EXPECT_EQ(conditions[1].configuration.scoring.dataset, configuration().scoring.dataset);
    EXPECT_EQ(long_name(conditions[0]), "resnet-tiny@synthetic, batch 64, sgd");
    EXPECT_NE(conditions[0].text, conditions[1].text);
    EXPECT_THAT(conditions[0].text, HasSubstr("\"anchor\":\"resnet-tiny\""));
}

TEST(Conditions, take_one_step_at_least) {
    const auto conditions = make_conditions(configuration(), {{"resnet-tiny"}, {1'000'000}, {}}, false);
    EXPECT_EQ(conditions[0].configuration.scoring.training.steps, 1);
}

TEST(Conditions, have_texts_that_tell_them_apart_and_nothing_else) {
    const Variations variations{{}, {16, 64}, {}};
    std::set<std::string> texts;
    for (const bool test : {false, true})
        for (const Condition& condition : make_conditions(configuration(), variations, test))
            texts.insert(condition.text);
    EXPECT_EQ(texts.size(), 8u);
    search::Configuration elsewhere = configuration();
    elsewhere.scoring.dataset.folder = "/another/machine";
    elsewhere.scoring.quality.steps = 7;
    elsewhere.preset = "other";
    elsewhere.budget.minutes = 5;
    elsewhere.scoring.layer.groups = 4;  // a trial has its layer's own
    EXPECT_EQ(make_conditions(elsewhere, {}, false)[0].text, make_conditions(configuration(), {}, false)[0].text);
    elsewhere.seed = 2;
    EXPECT_NE(make_conditions(elsewhere, {}, false)[0].text, make_conditions(configuration(), {}, false)[0].text);
    EXPECT_THAT(*texts.begin(), Not(HasSubstr("folder")));
}

TEST(Conditions, of_a_users_images_tell_their_folders_apart) {
    search::Configuration here = configuration(), there = configuration();
    here.scoring.dataset = {.name = "folder", .folder = "/images/a"};
    there.scoring.dataset = {.name = "folder", .folder = "/images/b"};
    EXPECT_NE(make_conditions(here, {}, false)[0].text, make_conditions(there, {}, false)[0].text);
    const auto mixed = make_conditions(here, {{"resnet-tiny", "vgg-tiny@fashion-mnist"}, {}, {}}, false);
    EXPECT_EQ(mixed[0].configuration.scoring.dataset.folder, "/images/a");
    EXPECT_EQ(mixed[1].configuration.scoring.dataset.folder, "");
    search::Configuration published = configuration();
    published.scoring.dataset.folder = "/images/a";
    const auto own = make_conditions(published, {{"unet-tiny@folder-masks"}, {}, {}}, false);
    EXPECT_EQ(own[0].configuration.scoring.dataset.folder, "/images/a");
}

TEST(Conditions, that_would_be_the_same_training_are_refused) {
    EXPECT_THROW(make_conditions(configuration(), {{"dcgan-tiny"}, {}, {Optimizer::sgd, Optimizer::adamw}}, false),
                 UsageError);
    const auto own = make_conditions(configuration(), {{"dcgan-tiny"}, {}, {}}, false);
    const auto asked = make_conditions(configuration(), {{"dcgan-tiny"}, {}, {Optimizer::adamw}}, false);
    EXPECT_EQ(long_name(own.at(0)), "dcgan-tiny, batch 64, adam");
    EXPECT_EQ(asked.at(0).text, own.at(0).text);
}

TEST(Conditions, name_what_is_not_known) {
    EXPECT_THROW(make_conditions(configuration(), {{"resnet-tinny"}, {}, {}}, false), UsageError);
    EXPECT_THROW(make_conditions(configuration(), {{"resnet-tiny@cifar-11"}, {}, {}}, false), UsageError);
}

TEST(Conditions, named_twice_are_refused) {
    EXPECT_THROW(make_conditions(configuration(), {{"resnet-tiny", "resnet-tiny"}, {}, {}}, false), UsageError);
    EXPECT_THROW(make_conditions(configuration(), {{}, {8, 8}, {}}, false), UsageError);
    EXPECT_THROW(make_conditions(configuration(), {{}, {}, {Optimizer::sgd, Optimizer::sgd}}, false), UsageError);
}

}  // namespace
}  // namespace normact::tools
