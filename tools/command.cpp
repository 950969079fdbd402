#include "tools/command.h"

#include "primitives/nearest_name.h"

#include <boost/program_options.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace normact::tools {
namespace {

namespace po = boost::program_options;

/// -o is --output in every command that has it.
bool has_letter(const Option& option) { return option.name == "output"; }

po::options_description described(const Command& command) {
    po::options_description description;
    auto add = description.add_options();
    for (const Option& option : command.options) {
        const std::string names = option.name + (has_letter(option) ? ",o" : "");
        if (option.value.empty()) {
            add(names.c_str(), option.help.c_str());
        } else if (option.repeatable) {
            add(names.c_str(), po::value<std::vector<std::string>>()->composing(), option.help.c_str());
        } else {
            add(names.c_str(), po::value<std::string>(), option.help.c_str());
        }
    }
    return description;
}

/// Abbreviated options are wrong: what they stand for may change from one release to the next.
constexpr int style = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;

std::string unknown_option(const Command& command, const std::string& word) {
    std::vector<std::string> names;
    names.reserve(command.options.size());
    for (const Option& option : command.options) names.push_back("--" + option.name);
    std::string message = fmt::format("unknown option '{}'", word);
    if (const auto nearest = primitives::nearest_name(word, names))
        message += fmt::format("; did you mean {}?", *nearest);
    if (!word.starts_with("--") && command.most_operands > 0) {
        message +=
            fmt::format(". Put -- before a layer that begins with a minus: normact {} -- '{}'", command.name, word);
    }
    return message;
}

std::string usage(const Command& command) {
    const std::string operands = command.operands.empty() ? "" : " " + command.operands;
    return fmt::format("normact {}{} [options]", command.name, operands);
}

std::string left_column(const Option& option) {
    const char* const letter = has_letter(option) ? "-o, " : "";
    return letter + ("--" + option.name) + (option.value.empty() ? "" : " " + option.value);
}

}  // namespace

std::string Arguments::text(const std::string& option) const {
    const auto found = options_.find(option);
    return found == options_.end() || found->second.empty() ? std::string() : found->second.front();
}

std::vector<std::string> Arguments::texts(const std::string& option) const {
    const auto found = options_.find(option);
    return found == options_.end() ? std::vector<std::string>() : found->second;
}

std::int64_t Arguments::number(const std::string& option, std::int64_t least, std::int64_t most) const {
    const std::string value = text(option);
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error != std::errc() || end != value.data() + value.size() || number < least || number > most) {
        throw UsageError(
            fmt::format("--{} is '{}'; it must be a whole number from {} to {}", option, value, least, most));
    }
    return number;
}

bool asks_for_help(const std::vector<std::string>& words) {
    const auto end = std::ranges::find(words, "--");
    return std::any_of(words.begin(), end, [](const std::string& word) { return word == "--help" || word == "-h"; });
}

Arguments parse(const Command& command, const std::vector<std::string>& words) {
    const po::options_description description = described(command);
    std::map<std::string, std::vector<std::string>> options;
    std::vector<std::string> operands;
    try {
        const auto parsed = po::command_line_parser(words).options(description).style(style).run();
        po::variables_map checked;  // complains about options given twice
        po::store(parsed, checked);
        for (const auto& option : parsed.options) {
            std::vector<std::string>& values = option.position_key >= 0 ? operands : options[option.string_key];
            values.insert(values.end(), option.value.begin(), option.value.end());
        }
    } catch (const po::unknown_option& error) {
        throw UsageError(unknown_option(command, error.get_option_name()));
    } catch (const po::error& error) {
        throw UsageError(error.what());
    }
    for (const Option& option : command.options) {
        if (!option.fallback.empty() && !options.contains(option.name)) options[option.name] = {option.fallback};
    }
    for (const auto& [name, values] : options) {
        const bool empty = std::ranges::any_of(values, [](const std::string& value) { return value.empty(); });
        if (empty) throw UsageError(fmt::format("--{} is empty", name));
    }
    if (operands.size() < command.least_operands) {
        throw UsageError(fmt::format("{} is missing: {}", command.operands, usage(command)));
    }
    if (operands.size() > command.most_operands) {
        throw UsageError(
            fmt::format("'{}' is one argument too many: {}", operands[command.most_operands], usage(command)));
    }
    return {std::move(options), std::move(operands)};
}

std::string help(const Command& command) {
    std::string text = fmt::format("{}\n\nUsage: {}\n\nOptions:\n", command.summary, usage(command));
    std::vector<Option> options = command.options;
    options.push_back({"help", "", "this page", {}});
    std::size_t width = 0;
    for (const Option& option : options) width = std::max(width, left_column(option).size());
    for (const Option& option : options) {
        const std::string fallback = option.fallback.empty() ? "" : fmt::format(" (default {})", option.fallback);
        const std::string repeatable = option.repeatable ? "; may be repeated" : "";
        text += fmt::format("  {:<{}}  {}{}{}\n", left_column(option), width, option.help, repeatable, fallback);
    }
    return text + "\n" + command.details;
}

}  // namespace normact::tools
