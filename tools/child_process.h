#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace normact::tools {

/// A program that is not there, or that failed. The message says which and how.
class ChildProcessError : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/// Runs a program, found through PATH and without a shell, with `input` on its standard input, and returns what it
/// writes to standard output. Throws ChildProcessError unless it ends with status 0.
std::string run_child_process(const std::vector<std::string>& words, std::string_view input);

/// True if a program of this name lies in PATH.
bool is_installed(const std::string& program);

}  // namespace normact::tools
