#include "tools/text_file.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace normact::tools {

std::string read_text_file(const std::string& path) {
    constexpr std::size_t largest = std::size_t{16} << 20;
    if (std::filesystem::is_directory(path)) throw std::runtime_error(fmt::format("{} is a folder, not a file", path));
    std::ifstream stream(path, std::ios::binary);
    if (!stream) throw std::runtime_error(fmt::format("can't read {}: {}", path, std::strerror(errno)));
    std::string text(largest + 1, '\0');
    stream.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(stream.gcount()));
    if (text.size() > largest) throw std::runtime_error(fmt::format("{} is larger than 16 MiB", path));
    return text;
}

}  // namespace normact::tools
