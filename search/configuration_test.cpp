#include "search/configuration.h"

#include "search/configuration_fields.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <fstream>
#include <functional>
#include <iterator>
#include <limits>
#include <regex>

namespace normact::search {
namespace {

using testing::AllOf;
using testing::HasSubstr;

/// What the error says, or nothing if there is none.
std::string error_of(const std::function<void()>& action) {
    try {
        action();
    } catch (const ConfigurationError& error) {
        return error.what();
    }
    return "";
}

std::string parse_error(const std::string& json) {
    return error_of([&] { parse_configuration(json); });
}

std::string set_error(const std::string& assignment) {
    return error_of([&] {
        Configuration configuration;
        set(configuration, assignment);
    });
}

Configuration with(std::initializer_list<const char*> assignments) {
    Configuration configuration;
    for (const char* assignment : assignments) set(configuration, assignment);
    return configuration;
}

std::string validation_error(std::initializer_list<const char*> assignments) {
    return error_of([&] { validate(with(assignments)); });
}

// ---- round trips ----

/// Each member set to something that is not its default.
struct Scramble {
    int next = 0;

    void operator()(const char*, Struct auto& group, const Range&) { for_each_field(group, *this); }
    void operator()(const char*, std::integral auto& value, const Range&) { value = ++next; }
    void operator()(const char*, bool& value, const Range&) { value = !value; }
    void operator()(const char*, double& value, const Range&) { value = 1.0 / (3 + ++next); }
    void operator()(const char*, std::string& value, const Range&) { value = "päge \"" + std::to_string(++next); }
    void operator()(const char*, std::vector<std::string>& value, const Range&) { value = {"a,b", "c"}; }
    void operator()(const char*, Choice& value, const Range&) { value = Choice::mean; }
    void operator()(const char*, proxy_tasks::Optimizer& value, const Range&) { value = proxy_tasks::Optimizer::adamw; }
    void operator()(const char*, Cost& value, const Range&) { value = Cost::bytes; }
    void operator()(const char*, proxy_tasks::Schedule& value, const Range&) {
        value = proxy_tasks::Schedule::constant;
    }
    void operator()(const char*, proxy_tasks::Precision& value, const Range&) {
        value = proxy_tasks::Precision::bfloat16;
    }
    void operator()(const char*, std::vector<primitives::Op>& value, const Range&) { value.resize(value.size() - 1); }
    void operator()(const char*, std::vector<primitives::IndexSet>& value, const Range&) { value.resize(1); }
};

TEST(Configuration, survives_a_round_trip_with_every_member_changed) {
    Configuration configuration;
    for_each_field(configuration, Scramble());
    configuration.seed = std::numeric_limits<std::uint64_t>::max();
    configuration.preset = "demo";
    EXPECT_EQ(parse_configuration(to_json(configuration)), configuration);
}

RC_GTEST_PROP(Configuration, survives_a_round_trip_to_the_last_bit, (std::uint64_t seed, std::uint64_t bits)) {
    Configuration configuration;
    configuration.seed = seed;
    const auto mantissa = std::bit_cast<double>(bits >> 12 | std::bit_cast<std::uint64_t>(1.0));  // 1 to 2
    configuration.scoring.training.learning_rate = std::ldexp(mantissa, static_cast<int>(bits % 198) - 99);
    RC_ASSERT(parse_configuration(to_json(configuration)) == configuration);
}

TEST(Configuration, holds_every_key_and_no_other) {
    nlohmann::json json = nlohmann::json::parse(to_json({}));
    EXPECT_EQ(json.size(), 8U);
    EXPECT_EQ(json["scoring"]["training"].size(), 11U);
    EXPECT_EQ(json["evolution"]["choice"], "pareto");
    EXPECT_EQ(json["space"]["index_sets"], (std::vector<std::string>{"batch", "instance", "layer", "group"}));
}

TEST(Configuration, takes_defaults_for_missing_keys) {
    EXPECT_EQ(parse_configuration("{}"), Configuration());
    Configuration expected;
    expected.scoring.quality.steps = 7;
    EXPECT_EQ(parse_configuration(R"({"scoring": {"quality": {"steps": 7}}})"), expected);
}

TEST(Configuration, starts_from_the_preset_that_it_names) {
    Configuration expected = preset("laptop-s");
    expected.seed = 5;
    EXPECT_EQ(parse_configuration(R"({"preset": "laptop-s", "seed": 5})"), expected);
    EXPECT_THAT(parse_error(R"({"preset": "laptop"})"), HasSubstr("laptop-b"));
}

TEST(Configuration, by_default_is_the_papers_evolution) {
    const EvolutionSettings evolution;
    EXPECT_EQ(evolution.window, 2500);
    EXPECT_EQ(evolution.tournament, 0.05);
    EXPECT_EQ(evolution.choice, Choice::pareto);
    EXPECT_EQ(evolution.mutations, 2);
    EXPECT_EQ(evolution.random_share, 0.5);
    EXPECT_EQ(Configuration().space, primitives::paper_space(true));
    EXPECT_NO_THROW(validate({}));
}

// ---- wrong files ----

TEST(WrongConfiguration, names_unknown_keys_with_the_nearest_known_one) {
    EXPECT_THAT(parse_error(R"({"scoring": {"trainin": {}}})"),
                AllOf(HasSubstr("scoring.trainin"), HasSubstr("did you mean \"scoring.training\"")));
    EXPECT_THAT(parse_error(R"({"evolution": {"Window": 1}})"), HasSubstr("did you mean \"evolution.window\""));
    EXPECT_THAT(parse_error(R"({"qqqqqqq": 1})"), AllOf(HasSubstr("qqqqqqq"), HasSubstr("there are preset, seed")));
}

TEST(WrongConfiguration, names_repeated_keys) {
    EXPECT_THAT(parse_error(R"({"seed": 1, "budget": {}, "seed": 2})"), HasSubstr("\"seed\" stands twice"));
    EXPECT_EQ(parse_error(R"({"scoring": {"quality": {"steps": 1}, "stability": {"steps": 1}}})"), "");
}

TEST(WrongConfiguration, says_where_the_json_breaks) {
    EXPECT_THAT(parse_error("{\n\"seed\": 1,,}"), HasSubstr("line 2"));
    EXPECT_THAT(parse_error(""), HasSubstr("no JSON"));
    EXPECT_THAT(parse_error("{\"preset\": \"\xff\"}"), HasSubstr("no JSON"));
    EXPECT_THAT(parse_error("{} {}"), HasSubstr("no JSON"));
}

TEST(WrongConfiguration, refuses_what_is_no_object) {
    for (const char* json : {"[]", "3", "null", "\"demo\""}) EXPECT_THAT(parse_error(json), HasSubstr("an object"));
    EXPECT_THAT(parse_error(R"({"budget": 4})"), AllOf(HasSubstr("budget is 4"), HasSubstr("an object")));
}

TEST(WrongConfiguration, refuses_endless_input) {
    EXPECT_THAT(parse_error(std::string(1000, '[')), HasSubstr("nested deeper"));
    EXPECT_THAT(parse_error(std::string(2 << 20, ' ')), HasSubstr("bytes"));
    EXPECT_LT(parse_error("{\"preset\": [\"" + std::string(1 << 19, 'a') + "\"]}").size(), 300U);
}

TEST(WrongConfiguration, names_the_path_of_a_value_of_the_wrong_type) {
    EXPECT_THAT(parse_error(R"({"scoring": {"training": {"steps": "many"}}})"),
                AllOf(HasSubstr("scoring.training.steps"), HasSubstr("\"many\""), HasSubstr("a whole number")));
    EXPECT_THAT(parse_error(R"({"scoring": {"training": {"steps": 1.5}}})"), HasSubstr("a whole number"));
    EXPECT_THAT(parse_error(R"({"scoring": {"training": {"steps": 3000000000}}})"),
                HasSubstr("a whole number from 1 to 1000000000"));
    EXPECT_THAT(parse_error(R"({"scoring": {"training": {"flip": 1}}})"), HasSubstr("true or false"));
    EXPECT_THAT(parse_error(R"({"scoring": {"anchors": "resnet-tiny"}})"), HasSubstr("a list"));
    EXPECT_THAT(parse_error(R"({"scoring": {"anchors": ["resnet-tiny", 7]}})"), HasSubstr("scoring.anchors[1]"));
    EXPECT_THAT(parse_error(R"({"seed": -1})"), HasSubstr("seed is -1"));
    EXPECT_THAT(parse_error(R"({"evolution": {"tournament": null}})"), HasSubstr("a number"));
}

TEST(WrongConfiguration, lists_what_a_choice_may_be) {
    EXPECT_THAT(parse_error(R"({"evolution": {"choice": "best"}})"), HasSubstr("one of pareto, mean"));
    EXPECT_THAT(parse_error(R"({"scoring": {"training": {"schedule": "linear"}}})"), HasSubstr("constant, cosine"));
    EXPECT_THAT(parse_error(R"({"space": {"index_sets": ["batch", "none"]}})"), HasSubstr("space.index_sets[1]"));
    EXPECT_THAT(parse_error(R"({"space": {"elementwise": ["relu"]}})"), HasSubstr("sigmoid"));
}

TEST(WrongConfiguration, names_the_range_that_a_value_misses) {
    EXPECT_EQ(parse_error(R"({"scoring": {"training": {"steps": 0}}})"),
              "scoring.training.steps is 0; it must be a whole number from 1 to 1000000000");
    EXPECT_EQ(parse_error(R"({"evolution": {"tournament": 0}})"),
              "evolution.tournament is 0; it must be a number above 0 and at most 1");
    EXPECT_EQ(parse_error(R"({"scoring": {"layer": {"epsilon": 0.0}}})"),
              "scoring.layer.epsilon is 0; it must be a number from 1e-30 to 1e+30");
    EXPECT_EQ(parse_error(R"({"scoring": {"anchors": []}})"), "scoring.anchors is empty");
    EXPECT_THAT(parse_error(R"({"budget": {"minutes": -1}})"), HasSubstr("budget.minutes is -1"));
    EXPECT_THAT(parse_error(R"({"scoring": {"training": {"learning_rate": 1e999}}})"),
                AllOf(HasSubstr("1e999"), HasSubstr("too large")));
    EXPECT_THAT(parse_error(R"({"scoring": {"training": {"weight_decay": 1e-310}}})"),
                AllOf(HasSubstr("scoring.training.weight_decay is 1e-310"), HasSubstr("0, or at least")))
        << "programs that flush such numbers to 0 would read another value than was stored";
}

// ---- --set ----

TEST(Set, changes_one_value) {
    Configuration expected;
    expected.scoring.training.steps = 200;
    EXPECT_EQ(with({"scoring.training.steps=200"}), expected);
}

TEST(Set, takes_strings_and_choices_without_quotation_marks) {
    EXPECT_EQ(with({"scoring.dataset.folder=/data/2024=a"}).scoring.dataset.folder, "/data/2024=a");
    EXPECT_EQ(with({"scoring.dataset.folder=2024"}).scoring.dataset.folder, "2024");
    EXPECT_EQ(with({"scoring.dataset.folder=\"\""}).scoring.dataset.folder, "");
    EXPECT_EQ(with({"scoring.training.schedule=constant"}).scoring.training.schedule, proxy_tasks::Schedule::constant);
    EXPECT_EQ(with({"evolution.random_share=1"}).evolution.random_share, 1);
}

TEST(Set, takes_lists_without_brackets) {
    using Strings = std::vector<std::string>;
    EXPECT_EQ(with({"scoring.anchors=a,b"}).scoring.anchors, (Strings{"a", "b"}));
    EXPECT_EQ(with({"scoring.anchors=[\"a\",\"b\"]"}).scoring.anchors, (Strings{"a", "b"}));
    EXPECT_EQ(with({"evolution.initial=max(x, zero),BN-ReLU"}).evolution.initial, (Strings{"max(x, zero)", "BN-ReLU"}));
    EXPECT_TRUE(with({"space.moments="}).space.moments.empty());
}

TEST(Set, refuses_what_a_file_may_not_hold_and_leaves_the_configuration_alone) {
    Configuration configuration;
    EXPECT_THROW(set(configuration, "scoring.training.steps=0"), ConfigurationError);
    EXPECT_THROW(set(configuration, "scoring.training.steps=many"), ConfigurationError);
    EXPECT_EQ(configuration, Configuration());
}

TEST(Set, names_the_nearest_key) {
    EXPECT_THAT(set_error("scoring.trainig.steps=3"), HasSubstr("did you mean \"scoring.training.steps\""));
    EXPECT_THAT(set_error("budget=3"), HasSubstr("name one of them, as in budget.scored"));
    EXPECT_THAT(set_error("seed"), HasSubstr("key=value"));
    EXPECT_THAT(set_error("=3"), HasSubstr("key=value"));
    EXPECT_THAT(set_error("preset=demo"), HasSubstr("preset"));
    EXPECT_THAT(set_error("seed/0=1"), HasSubstr("there is no key"));
}

// ---- what values mean together ----

TEST(Validation, finds_values_that_no_file_could_bring) {
    Configuration configuration;
    configuration.scoring.training.learning_rate = NAN;
    EXPECT_THAT(error_of([&] { validate(configuration); }), HasSubstr("scoring.training.learning_rate is nan"));
}

TEST(Validation, refuses_what_would_be_too_long_to_read_again) {
    Configuration configuration;
    configuration.evolution.initial.assign(100'000, "tanh(x)");
    EXPECT_THAT(error_of([&] { validate(configuration); }), HasSubstr("bytes, written in full"));
}

TEST(Validation, wants_operations_of_the_right_kind_and_each_once) {
    EXPECT_THAT(validation_error({"space.elementwise=add,std"}), HasSubstr("space.elementwise[1] is std"));
    EXPECT_THAT(validation_error({"space.moments=std,x"}), HasSubstr("space.moments[1] is x"));
    EXPECT_THAT(validation_error({"space.elementwise=add,add"}), HasSubstr("space.elementwise[1] repeats"));
    EXPECT_THAT(validation_error({"scoring.anchors=a,a"}), HasSubstr("scoring.anchors[1] repeats"));
}

TEST(Validation, wants_moments_and_index_sets_together) {
    EXPECT_THAT(validation_error({"space.moments="}), HasSubstr("space.index_sets"));
    EXPECT_THAT(validation_error({"space.index_sets="}), HasSubstr("space.moments"));
    EXPECT_EQ(validation_error({"space.moments=", "space.index_sets="}), "");
}

TEST(Validation, wants_initial_layers_that_exist_and_lie_in_the_space) {
    EXPECT_EQ(validation_error({"evolution.initial=BN-ReLU,max(x, zero)"}), "");
    EXPECT_THAT(validation_error({"evolution.initial=BN-ReLU,EvoNorm-Z9"}), HasSubstr("evolution.initial[1]"));
    EXPECT_THAT(validation_error({"evolution.initial=EvoNorm-B0", "space.index_sets=layer,instance"}),
                HasSubstr("EvoNorm-B0 uses std over batch"));
    EXPECT_THAT(validation_error({"evolution.initial=tanh(x)", "space.elementwise=add"}),
                HasSubstr("tanh(x) uses tanh"));
}

TEST(Validation, wants_numbers_that_fit_together) {
    EXPECT_THAT(validation_error({"evolution.window=10", "evolution.warm_up=11"}), HasSubstr("evolution.window"));
    EXPECT_EQ(validation_error({"evolution.window=0", "evolution.warm_up=11"}), "");
    EXPECT_THAT(validation_error({"scoring.training.steps=50"}), HasSubstr("scoring.quality.steps is 100"));
}

// ---- documentation ----

void collect_keys(const auto& value, const std::string& path, std::vector<std::string>& keys) {
    if constexpr (Struct<decltype(value)>) {
        for_each_field(value, [&](const char* key, const auto& member, const Range&) {
            collect_keys(member, joined(path, key), keys);
        });
    } else {
        keys.push_back(path);
    }
}

/// The words in the first columns of a page's tables, from `heading` on.
std::vector<std::string> first_columns(const std::string& page, const std::string& heading) {
    static const std::regex row("\\n\\| `([^`]+)` \\|");
    const std::string part = page.substr(page.find(heading));
    std::vector<std::string> words;
    for (auto match = std::sregex_iterator(part.begin(), part.end(), row); match != std::sregex_iterator(); ++match)
        words.push_back((*match)[1]);
    return words;
}

TEST(ConfigurationPage, explains_every_key_and_preset_and_no_other) {
    std::ifstream file(NORMACT_SOURCE "/docs/configuration.md");
    const std::string page((std::istreambuf_iterator<char>(file)), {});
    std::vector<std::string> expected = preset_names();
    collect_keys(Configuration(), "", expected);
    EXPECT_THAT(first_columns(page, "## Presets"), testing::UnorderedElementsAreArray(expected));
}

}  // namespace
}  // namespace normact::search
