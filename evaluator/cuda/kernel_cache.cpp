#include "evaluator/cuda/kernel_cache.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <random>
#include <sstream>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace normact::evaluator::cuda {
namespace {

namespace fs = std::filesystem;

std::string hash_of(std::string_view bytes) {
    const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
    return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

/// The first line of a file: what follows is whole, and of this key. Two hashes of 128 bits are no signature; who can
/// write into the folder can run code anyway.
std::string header_of(const std::string& key, std::string_view value) {
    return fmt::format("normact kernels 1 {} {}\n", hash_of(key), hash_of(value));
}

/// The folder, made if needed; nothing if it can't be used, or if others may write there.
std::optional<fs::path> usable(const fs::path& folder) {
    std::error_code error;
    if (folder.empty()) return std::nullopt;
    fs::create_directories(folder.parent_path(), error);
    mkdir(folder.c_str(), S_IRWXU);
    struct stat status {};
    if (lstat(folder.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) return std::nullopt;
    if (status.st_uid != geteuid() || (status.st_mode & (S_IWGRP | S_IWOTH)) != 0) return std::nullopt;
    return folder;
}

std::optional<std::string> contents_of(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    if (!in) return std::nullopt;
    std::ostringstream text;
    text << in.rdbuf();
    return std::move(text).str();
}

}  // namespace

KernelCache::KernelCache(const fs::path& folder, std::uint64_t most_bytes)
    : folder_(usable(folder).value_or(fs::path())), most_bytes_(most_bytes) {}

fs::path KernelCache::default_folder() {
    const auto variable = [](const char* name) {
        const char* const value = std::getenv(name);
        return fs::path(value == nullptr ? "" : value);
    };
    if (const fs::path cache = variable("XDG_CACHE_HOME"); cache.is_absolute()) return cache / "normact" / "kernels";
    if (const fs::path home = variable("HOME"); home.is_absolute()) return home / ".cache" / "normact" / "kernels";
    return {};
}

std::string KernelCache::get(const std::string& key, const std::function<std::string()>& make) const {
    if (folder_.empty()) return make();
    const fs::path file = file_of(key);
    if (std::optional<std::string> found = contents_of(file)) {
        const std::size_t end = found->find('\n') + 1;  // 0 if there is no line
        const std::string_view value = std::string_view(*found).substr(end);
        if (end > 0 && found->compare(0, end, header_of(key, value)) == 0) {
            std::error_code ignored;
            fs::last_write_time(file, fs::file_time_type::clock::now(), ignored);
            return std::string(value);
        }
    }
    std::string made = make();
    write(key, made);
    return made;
}

fs::path KernelCache::file_of(const std::string& key) const { return folder_ / (hash_of(key) + ".cubin"); }

/// Under a name of its own first, so that nobody reads a part of it. A full disk is no reason to fail.
void KernelCache::write(const std::string& key, const std::string& value) const {
    const fs::path part = folder_ / fmt::format("{}-{}.part", getpid(), std::random_device()());
    std::error_code error;
    {
        std::ofstream out(part, std::ios::binary);
        out << header_of(key, value) << value;
        out.close();
        if (!out) {
            fs::remove(part, error);
            return;
        }
    }
    fs::rename(part, file_of(key), error);
    if (error) fs::remove(part, error);
    keep_within_bounds();
}

void KernelCache::keep_within_bounds() const {
    struct File {
        fs::file_time_type used;
        std::uint64_t size;
        fs::path path;
    };
    constexpr std::chrono::hours left_behind{1};  // a part that nobody writes any more
    std::vector<File> files;
    std::uint64_t bytes = 0;
    std::error_code error;
    for (fs::directory_iterator entry(folder_, error), end; !error && entry != end; entry.increment(error)) {
        std::error_code gone;  // another process may have removed it
        const File file{entry->last_write_time(gone), entry->file_size(gone), entry->path()};
        if (gone) continue;
        if (file.path.extension() == ".part" && fs::file_time_type::clock::now() - file.used > left_behind)
            fs::remove(file.path, gone);
        if (file.path.extension() != ".cubin") continue;
        bytes += file.size;
        files.push_back(file);
    }
    if (bytes <= most_bytes_) return;
    std::ranges::sort(files, {}, &File::used);
    const std::uint64_t enough = most_bytes_ / 4 * 3;  // not again with the next file
    for (const File& file : files) {
        if (bytes <= enough) break;
        fs::remove(file.path, error);
        bytes -= file.size;
    }
}

}  // namespace normact::evaluator::cuda
