// The command line `normact`: finds the command, reads its options, runs it, and turns errors into exit statuses.

#include "primitives/nearest_name.h"
#include "tools/command.h"
#include "tools/invocation.h"
#include "tools/terminal.h"
#include "tools/worker_description.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <exception>
#include <string>
#include <vector>

namespace normact::tools {
namespace {

auto all_commands() {
    return std::to_array<const Command*>({&search_command(), &worker_command(), &launch_command(), &status_command(),
                                          &study_command(), &top_command(), &show_command(), &diff_command(),
                                          &export_command(), &export_study_command(), &report_command(),
                                          &serve_command(), &compare_command(), &reevaluate_command(),
                                          &verify_command(), &bench_command(), &doctor_command()});
}

std::string overview() {
    std::string text =
        "normact searches for normalization-activation layers: one layer in place of BatchNorm and ReLU.\n\n"
        "Usage: normact COMMAND [options]\n\nCommands:\n";
    for (const Command* command : all_commands())
        text += fmt::format("  {:<12}  {}\n", command->name, command->summary);
    return text + "\nStart with: normact search\nHelp for one command: normact COMMAND --help\n";
}

const Command& find_command(const std::string& name) {
    const auto commands = all_commands();
    const auto* const found = std::ranges::find(commands, name, &Command::name);
    if (found != commands.end()) return **found;
    std::vector<std::string> names;
    names.reserve(commands.size());
    for (const Command* command : commands) names.push_back(command->name);
    const auto nearest = primitives::nearest_name(name, names);
    throw UsageError(fmt::format("no command '{}'; {}", name,
                                 nearest ? fmt::format("did you mean {}?", *nearest)
                                         : fmt::format("the commands are {}", fmt::join(names, ", "))));
}

/// The command that shows the help for what was typed.
std::string page_for(const std::vector<std::string>& words) {
    const auto commands = all_commands();
    const bool known = !words.empty() && std::ranges::find(commands, words.front(), &Command::name) != commands.end();
    return known ? command_line({words.front(), "--help"}) : command_line({"--help"});
}

int run(const std::vector<std::string>& words) {
    if (words.size() == 2 && words.front() == "help") return run({words.back(), "--help"});
    if (words.empty() || words.front() == "--help" || words.front() == "-h" || words.front() == "help") {
        answer(overview());
        return fine;
    }
    if (words.front() == "--version") {
        answer(build_description() + "\n");
        return fine;
    }
    const Command& command = find_command(words.front());
    const std::vector<std::string> rest(words.begin() + 1, words.end());
    if (asks_for_help(rest)) {
        answer(help(command));
        return fine;
    }
    return command.run(parse(command, rest));
}

}  // namespace
}  // namespace normact::tools

// NOLINTNEXTLINE(bugprone-exception-escape): where memory is too short for a message, ending is all that is left
int main(int count, char** words) {
    using namespace normact::tools;
    const std::vector<std::string> arguments(words + 1, words + count);
    // A reader that went away and a limit of a file's size are errors of writing, which say what to do.
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN);
    try {
        return run(arguments);
    } catch (const UsageError& error) {
        tell(fmt::format("normact: {}\nSee: {}\n", printable_lines(error.what()), page_for(arguments)));
        return wrong_usage;
    } catch (const std::exception& error) {
        tell(fmt::format("normact: {}\n", printable_lines(error.what())));
        return failed;
    }
}
