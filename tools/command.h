#pragma once

#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace normact::tools {

/// What every command's exit status says. A run that a signal stopped ends with 128 + the signal, as shells expect.
enum ExitStatus : int { fine = 0, failed = 1, wrong_usage = 2 };

/// A command was called in a way that makes no sense. The message says what to type instead. Ends with wrong_usage.
class UsageError : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/// One option of a command.
struct Option {
    std::string name;         ///< without its dashes
    std::string value;        ///< what stands for its value in the help: "FILE"; empty for a flag
    std::string help;         ///< one line
    std::string fallback;     ///< its value if it is not given; empty: none
    bool repeatable = false;  ///< may be given several times
};

/// What a command was called with.
class Arguments {
  public:
    Arguments(std::map<std::string, std::vector<std::string>> options, std::vector<std::string> operands)
        : options_(std::move(options)), operands_(std::move(operands)) {}

    /// True if the option was given or has a fallback.
    bool has(const std::string& option) const { return options_.contains(option); }
    /// The option's value; empty if it has none.
    std::string text(const std::string& option) const;
    /// All values of a repeatable option, in the order given.
    std::vector<std::string> texts(const std::string& option) const;
    /// The option's value as a whole number. Throws UsageError unless it is one in [least, most].
    std::int64_t number(const std::string& option, std::int64_t least, std::int64_t most) const;

    const std::vector<std::string>& operands() const { return operands_; }

  private:
    std::map<std::string, std::vector<std::string>> options_;
    std::vector<std::string> operands_;
};

/// One command of the program.
struct Command {
    std::string name;
    std::string summary;     ///< one line
    std::string operands{};  ///< as the usage line shows them: "LAYER…"; empty if there are none
    std::size_t least_operands = 0;
    std::size_t most_operands = 0;
    std::vector<Option> options{};  ///< --help comes by itself
    std::string details{};          ///< examples and what else to know
    int (*run)(const Arguments& arguments) = nullptr;
};

/// Reads the words that follow a command's name. Throws UsageError.
Arguments parse(const Command& command, const std::vector<std::string>& words);
/// True if the words ask for the command's help.
bool asks_for_help(const std::vector<std::string>& words);
std::string help(const Command& command);

// The commands, each in the file of its name.
const Command& search_command();
const Command& worker_command();
const Command& launch_command();
const Command& status_command();
const Command& study_command();
const Command& top_command();
const Command& export_study_command();
const Command& show_command();
const Command& export_command();
const Command& diff_command();
const Command& compare_command();
const Command& reevaluate_command();
const Command& verify_command();
const Command& bench_command();
const Command& doctor_command();
const Command& report_command();
const Command& serve_command();

}  // namespace normact::tools
