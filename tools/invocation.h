#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace normact::tools {

/// How the user calls this program: what goes before the command in advice like "normact top". The environment's
/// NORMACT_COMMAND if it is set (a wrapper's own name), else the name it was started by.
std::string program_name();

/// A word as a POSIX shell reads it back.
std::string shell_quoted(std::string_view word);
/// Words as a POSIX shell reads them back.
std::string shell_line(const std::vector<std::string>& words);
/// A command of this program to type: "normact search --study 'my study.db'".
std::string command_line(const std::vector<std::string>& words);

}  // namespace normact::tools
