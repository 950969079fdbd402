#include "tools/machine.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <dlfcn.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sched.h>
#include <sstream>
#include <string_view>
#include <sys/types.h>
#include <sys/utsname.h>
#include <thread>

namespace normact::tools {
namespace {

/// The first value of a key in a file of lines "key : value", as Linux writes /proc/cpuinfo and /proc/meminfo.
std::optional<std::string> value_in(const std::string& file, std::string_view key) {
    std::ifstream stream(file);
    for (std::string line; std::getline(stream, line);) {
        if (!line.starts_with(key)) continue;
        const std::size_t colon = line.find(':');
        if (colon == std::string::npos) continue;
        const std::size_t start = line.find_first_not_of(" \t", colon + 1);
        return start == std::string::npos ? std::string() : line.substr(start);
    }
    return std::nullopt;
}

std::uint64_t kibibytes_in(const char* key) {
    const auto value = value_in("/proc/meminfo", key);
    return value ? std::stoull(*value) * 1024 : 0;
}

using Mallctl = int (*)(const char*, void*, std::size_t*, void*, std::size_t);

/// A value that jemalloc tells of itself; nothing where it is not the allocator.
template <typename Value>
std::optional<Value> ask_jemalloc(const char* name) {
    const auto mallctl = reinterpret_cast<Mallctl>(dlsym(RTLD_DEFAULT, "mallctl"));
    Value value{};
    std::size_t size = sizeof value;
    if (mallctl == nullptr || mallctl(name, static_cast<void*>(&value), &size, nullptr, 0) != 0) return std::nullopt;
    return value;
}

}  // namespace

std::vector<std::string> gpu_names(const std::string& folder) {
    std::vector<std::string> names;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(folder, error))
        names.push_back(value_in(entry.path() / "information", "Model").value_or("unknown"));
    std::ranges::sort(names);
    return names;
}

std::string processor_name() {
    if (const auto name = value_in("/proc/cpuinfo", "model name")) return *name;
    utsname system{};
    return uname(&system) == 0 ? system.machine : "unknown";
}

int available_cores(const std::string& quota_file) {
    int cores = static_cast<int>(std::thread::hardware_concurrency());
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) cores = CPU_COUNT(&allowed);
    double quota = 0, period = 0;  // microseconds of processor time in so many of real time; or "max"
    if (std::ifstream(quota_file) >> quota >> period && quota > 0 && period > 0)
        cores = static_cast<int>(std::min<double>(cores, std::ceil(quota / period)));
    return std::max(1, cores);
}

std::vector<std::string> vector_extensions() {
    constexpr std::array known{"sse4_2", "avx", "fma", "avx2", "avx512f", "avx512_bf16", "amx_tile", "asimd", "sve"};
    auto flags = value_in("/proc/cpuinfo", "flags");
    if (!flags) flags = value_in("/proc/cpuinfo", "Features");
    std::istringstream words(flags.value_or(""));
    const std::vector<std::string> present{std::istream_iterator<std::string>(words), {}};
    std::vector<std::string> result;
    for (const char* extension : known) {
        if (std::ranges::find(present, extension) != present.end()) result.emplace_back(extension);
    }
    return result;
}

Memory memory() { return {kibibytes_in("MemTotal"), kibibytes_in("MemAvailable")}; }

std::optional<std::uint64_t> free_disk_bytes(const std::string& folder) {
    std::error_code error;
    const std::filesystem::space_info space = std::filesystem::space(folder, error);
    return error ? std::nullopt : std::optional<std::uint64_t>(space.available);
}

Allocator allocator() {
    const auto version = ask_jemalloc<const char*>("version");
    if (!version) return {"the C library's", false};
    // jemalloc hands unused pages back some time after they were freed; -1 means never. A step takes less than a
    // second.
    constexpr ssize_t long_enough = 1000;
    const ssize_t milliseconds = ask_jemalloc<ssize_t>("opt.dirty_decay_ms").value_or(0);
    const bool keeps = milliseconds == -1 || milliseconds >= long_enough;
    const std::string_view text = *version;
    return {fmt::format("jemalloc {}", text.substr(0, text.find('-'))), keeps};
}

}  // namespace normact::tools
