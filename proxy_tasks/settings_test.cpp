#include "proxy_tasks/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <stdexcept>

namespace normact::proxy_tasks {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

TEST(Settings, the_defaults_make_sense) { EXPECT_NO_THROW(validate(ScoringSettings{})); }

TEST(Settings, a_filter_can_be_off) {
    ScoringSettings settings;
    settings.quality.steps = settings.stability.steps = 0;
    EXPECT_NO_THROW(validate(settings));
}

template <class Change>
void expect_error_about(const char* key, Change change) {
    ScoringSettings settings;
    change(settings);
    EXPECT_THAT([&] { validate(settings); }, ThrowsMessage<std::invalid_argument>(HasSubstr(key)));
}

TEST(Settings, an_error_names_the_setting) {
    expect_error_about("scoring.anchors", [](auto& s) { s.anchors.clear(); });
    expect_error_about("scoring.training.steps is 0", [](auto& s) { s.training.steps = 0; });
    expect_error_about("scoring.training.batch", [](auto& s) { s.training.batch = -1; });
    expect_error_about("scoring.training.crop", [](auto& s) { s.training.crop = 0; });
    expect_error_about("scoring.training.learning_rate",
                       [](auto& s) { s.training.learning_rate = std::numeric_limits<double>::quiet_NaN(); });
    expect_error_about("scoring.training.momentum", [](auto& s) { s.training.momentum = 1.5; });
    expect_error_about("below 1 for the optimizer adamw", [](auto& s) {
        s.training.optimizer = Optimizer::adamw;
        s.training.momentum = 1;
    });
    expect_error_about("scoring.training.validation_batch", [](auto& s) { s.training.validation_batch = 0; });
    expect_error_about("scoring.quality.steps", [](auto& s) { s.quality.steps = s.training.steps + 1; });
    expect_error_about("scoring.quality.minimum_accuracy", [](auto& s) { s.quality.minimum_accuracy = 20; });
    expect_error_about("scoring.stability.batch", [](auto& s) { s.stability.batch = 0; });
    expect_error_about("scoring.layer.groups", [](auto& s) { s.layer.groups = 0; });
    expect_error_about("scoring.layer.epsilon", [](auto& s) { s.layer.epsilon = 0; });
}

}  // namespace
}  // namespace normact::proxy_tasks
