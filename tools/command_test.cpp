#include "tools/command.h"

#include <gtest/gtest.h>

namespace normact::tools {
namespace {

const Command& sample() {
    static const Command command{.name = "paint",
                                 .summary = "Paint things.",
                                 .operands = "THING...",
                                 .least_operands = 1,
                                 .most_operands = 2,
                                 .options = {{"color", "NAME", "which color", "red"},
                                             {"set", "KEY=VALUE", "change", {}, true},
                                             {"twice", "", "two coats", {}}},
                                 .details = "Example:\n  normact paint door\n"};
    return command;
}

std::string complaint(const std::vector<std::string>& words) {
    try {
        parse(sample(), words);
    } catch (const UsageError& error) {
        return error.what();
    }
    return "none";
}

TEST(Command, reads_options_and_operands_in_any_order) {
    const Arguments arguments = parse(sample(), {"door", "--color", "blue", "--twice", "wall"});
    EXPECT_EQ(arguments.operands(), (std::vector<std::string>{"door", "wall"}));
    EXPECT_EQ(arguments.text("color"), "blue");
    EXPECT_TRUE(arguments.has("twice"));
}

TEST(Command, takes_the_fallback_of_an_option_that_is_not_given) {
    const Arguments arguments = parse(sample(), {"door"});
    EXPECT_EQ(arguments.text("color"), "red");
    EXPECT_FALSE(arguments.has("twice"));
    EXPECT_TRUE(arguments.texts("set").empty());
}

TEST(Command, keeps_repeated_values_in_order_and_whole) {
    const Arguments arguments = parse(sample(), {"door", "--set", "a=1", "--set=b=c=2", "--set", "d= e"});
    EXPECT_EQ(arguments.texts("set"), (std::vector<std::string>{"a=1", "b=c=2", "d= e"}));
}

TEST(Command, takes_what_follows_two_dashes_as_it_is) {
    EXPECT_EQ(parse(sample(), {"--", "-x/std_batch(x)"}).operands(), std::vector<std::string>{"-x/std_batch(x)"});
    EXPECT_FALSE(asks_for_help({"--", "--help"}));
    EXPECT_TRUE(asks_for_help({"door", "--help"}));
}

TEST(Command, names_what_is_wrong) {
    EXPECT_NE(complaint({"door", "--colour", "blue"}).find("did you mean --color?"), std::string::npos);
    EXPECT_NE(complaint({"door", "--col", "blue"}).find("--col"), std::string::npos) << "no abbreviations";
    EXPECT_NE(complaint({"door", "--color"}).find("color"), std::string::npos);
    EXPECT_NE(complaint({"door", "--color", "a", "--color", "b"}).find("color"), std::string::npos);
    EXPECT_NE(complaint({}).find("THING... is missing"), std::string::npos);
    EXPECT_NE(complaint({"door", "wall", "roof"}).find("'roof' is one argument too many"), std::string::npos);
    EXPECT_NE(complaint({"-x"}).find("-- '-x'"), std::string::npos);
}

TEST(Command, takes_only_whole_numbers_in_range) {
    const auto number = [](const std::string& value) {
        return parse(sample(), {"door", "--color", value}).number("color", 1, 9);
    };
    EXPECT_EQ(number("9"), 9);
    for (const char* wrong : {"0", "10", "3.5", "3x", "-1", " 3", "99999999999999999999"}) {
        EXPECT_THROW(number(wrong), UsageError) << wrong;
    }
}

TEST(Command, lists_every_option_in_its_help) {
    const std::string text = help(sample());
    for (const char* expected : {"Paint things.", "Usage: normact paint THING... [options]", "--color NAME",
                                 "(default red)", "may be repeated", "--help", "normact paint door"}) {
        EXPECT_NE(text.find(expected), std::string::npos) << expected;
    }
}

}  // namespace
}  // namespace normact::tools
