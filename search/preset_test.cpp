#include "search/configuration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace normact::search {
namespace {

using primitives::IndexSet;
using testing::HasSubstr;

class Preset : public testing::TestWithParam<std::string> {};

TEST_P(Preset, makes_sense) {
    const Configuration configuration = preset(GetParam());
    EXPECT_NO_THROW(validate(configuration));
    EXPECT_EQ(configuration.preset, GetParam());
}

TEST_P(Preset, survives_a_round_trip) {
    const Configuration configuration = preset(GetParam());
    EXPECT_EQ(parse_configuration(to_json(configuration)), configuration);
}

INSTANTIATE_TEST_SUITE_P(All, Preset, testing::ValuesIn(preset_names()), [](const auto& instance) {
    std::string name = instance.param;
    std::ranges::replace(name, '-', '_');
    return name;
});

TEST(Presets, are_six_and_all_different) {
    EXPECT_THAT(preset_names(),
                testing::ElementsAre("demo", "laptop-b", "laptop-s", "paper-b", "paper-s", "pointwise"));
    std::set<std::string> different;
    for (const std::string& name : preset_names()) {
        Configuration configuration = preset(name);
        configuration.preset.clear();
        different.insert(to_json(configuration));
    }
    EXPECT_EQ(different.size(), 6U);
}

TEST(Presets, named_wrongly_are_listed) {
    try {
        preset("laptop");
        FAIL() << "there is no such preset";
    } catch (const ConfigurationError& error) {
        EXPECT_THAT(error.what(), HasSubstr("demo, laptop-b, laptop-s"));
    }
}

TEST(Presets, for_small_batches_have_no_batch_moments_and_the_others_do) {
    const auto has_batch = [](const char* name) {
        return std::ranges::count(preset(name).space.index_sets, IndexSet::batch) > 0;
    };
    EXPECT_TRUE(has_batch("laptop-b") && has_batch("paper-b"));
    EXPECT_FALSE(has_batch("laptop-s") || has_batch("paper-s"));
    EXPECT_TRUE(preset("pointwise").space.moments.empty());
}

TEST(Presets, of_the_paper_have_its_schedules) {
    using proxy_tasks::Schedule;
    const auto b = preset("paper-b").scoring.training, s = preset("paper-s").scoring.training;
    EXPECT_EQ(b.steps, 2000);
    EXPECT_EQ(b.schedule, Schedule::constant);
    EXPECT_EQ(s.steps, 5000);
    EXPECT_EQ(s.schedule, Schedule::cosine);
    EXPECT_EQ(b.batch, 128);
    EXPECT_EQ(b.crop, 24);
    EXPECT_EQ(preset("paper-b").evolution, EvolutionSettings());
}

TEST(Presets, of_the_demo_end_within_five_minutes) { EXPECT_LT(preset("demo").budget.minutes, 5); }

}  // namespace
}  // namespace normact::search
