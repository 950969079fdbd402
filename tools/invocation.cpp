#include "tools/invocation.h"

#include <algorithm>
#include <cctype>
#include <cerrno>  // program_invocation_name
#include <cstdlib>

namespace normact::tools {
namespace {

bool needs_no_quotes(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
           std::string_view("-_./=+,:@%#").find(c) != std::string_view::npos;
}

}  // namespace

std::string program_name() {
    const char* name = std::getenv("NORMACT_COMMAND");  // NOLINT(concurrency-mt-unsafe): nobody sets it
    return name != nullptr && *name != '\0' ? name : program_invocation_name;
}

std::string shell_quoted(std::string_view word) {
    if (!word.empty() && word.front() != '#' && std::ranges::all_of(word, needs_no_quotes)) return std::string(word);
    std::string quoted = "'";
    for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return quoted + "'";
}

std::string shell_line(const std::vector<std::string>& words) {
    std::string line;
    for (const std::string& word : words) line += (line.empty() ? "" : " ") + shell_quoted(word);
    return line;
}

std::string command_line(const std::vector<std::string>& words) {
    return shell_quoted(program_name()) + (words.empty() ? "" : " ") + shell_line(words);
}

}  // namespace normact::tools
