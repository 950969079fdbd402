#include "proxy_tasks/data_files.h"

#define XXH_INLINE_ALL
#include <xxhash.h>
#include <zlib.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

namespace normact::proxy_tasks {
namespace fs = std::filesystem;
namespace {

std::string environment(const char* variable) {
    const char* value = std::getenv(variable);
    return value != nullptr ? value : "";
}

[[noreturn]] void refuse(const fs::path& path, const std::string& what, const DataSource& source) {
    throw DatasetError(source.name + ": " + path.string() + " " + what + ". " + source.how_to_get);
}

/// Reads up to `limit` bytes; zlib hands on files that are not packed as they are.
Bytes read_up_to(const fs::path& path, std::size_t limit, const DataSource& source) {
    const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(path.c_str(), "rb"), gzclose);
    if (!file) refuse(path, "can't be opened", source);
    gzbuffer(file.get(), 1 << 18);
    Bytes bytes(limit);
    std::size_t filled = 0;
    while (filled < limit) {
        const auto wanted = static_cast<unsigned>(std::min<std::size_t>(limit - filled, 1 << 30));
        const int got = gzread(file.get(), bytes.data() + filled, wanted);
        if (got < 0) {
            int code = Z_OK;
            refuse(path, "can't be read: " + std::string(gzerror(file.get(), &code)), source);
        }
        if (got == 0) break;
        filled += static_cast<std::size_t>(got);
    }
    bytes.resize(filled);
    return bytes;
}

}  // namespace

std::vector<fs::path> data_places(const DatasetSettings& settings) {
    if (!settings.folder.empty()) return {settings.folder};
    std::vector<fs::path> places;
    if (const auto chosen = environment("NORMACT_DATA"); !chosen.empty()) places.emplace_back(chosen);
    if (const auto data = environment("XDG_DATA_HOME"); !data.empty())
        places.push_back(fs::path(data) / "normact");
    else if (const auto home = environment("HOME"); !home.empty())
        places.push_back(fs::path(home) / ".local/share/normact");
    places.emplace_back("/usr/share/datasets");
    return places;
}

fs::path find_data(const DataSource& source, const DatasetSettings& settings) {
    std::string looked_at;
    for (const auto& place : data_places(settings)) {
        std::error_code ignored;  // a place that can't be looked into is not the one
        if (fs::is_directory(place / source.folder, ignored)) return place / source.folder;
        if (fs::exists(place / source.key_file, ignored)) return place;
        looked_at += "\n  " + (place / source.folder).string();
    }
    throw DatasetError(source.name + " was not found. " + source.how_to_get + " Looked at:" + looked_at);
}

Bytes read_checked(const fs::path& folder, const DataFile& file, const DataSource& source) {
    const auto path = folder / file.name;
    std::error_code error;
    if (!fs::exists(path, error)) refuse(path, "is missing", source);
    if (!fs::is_regular_file(path, error)) refuse(path, "is not a file", source);
    Bytes bytes = read_up_to(path, file.size + 1, source);  // one more byte tells a file that is too long
    if (bytes.size() > file.size) refuse(path, "holds more than " + std::to_string(file.size) + " bytes", source);
    if (bytes.size() < file.size)
        refuse(path, "ends after " + std::to_string(bytes.size()) + " of " + std::to_string(file.size) + " bytes",
               source);
    if (file.xxh3 && XXH3_64bits(bytes.data(), bytes.size()) != *file.xxh3)
        refuse(path, "is damaged: its checksum is wrong", source);
    return bytes;
}

}  // namespace normact::proxy_tasks
