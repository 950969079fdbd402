#pragma once

#include <string>
#include <string_view>

namespace normact::tools {

/// The content of a file of at most 16 MiB. Throws std::runtime_error that names the file and what is wrong with it.
std::string read_text_file(const std::string& path);

/// Puts the content in place of the file's old one, at once: a reader, or this program after a crash, finds either the
/// old or the new content. Throws std::runtime_error.
void replace_text_file(const std::string& path, std::string_view content);

}  // namespace normact::tools
