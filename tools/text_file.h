#pragma once

#include <string>

namespace normact::tools {

/// The content of a file of at most 16 MiB. Throws std::runtime_error that names the file and what is wrong with it.
std::string read_text_file(const std::string& path);

}  // namespace normact::tools
