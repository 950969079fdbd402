#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

namespace normact::evaluator::cuda {

/// Machine code in files, so that a layer is compiled once on a machine. Safe for many processes at once: a file
/// appears whole. A file that is damaged, or of another key, is as good as none; so is a folder that cannot be used,
/// or that others could write to. Holds `most_bytes` at most; the least recently used files go first.
class KernelCache {
  public:
    KernelCache(const std::filesystem::path& folder, std::uint64_t most_bytes);

    /// $XDG_CACHE_HOME/normact/kernels, or ~/.cache/normact/kernels; nothing where neither variable is set.
    static std::filesystem::path default_folder();

    /// What `make` gives for `key`, which must say everything that changes it; from the file if there is one.
    std::string get(const std::string& key, const std::function<std::string()>& make) const;

  private:
    std::filesystem::path file_of(const std::string& key) const;
    void write(const std::string& key, const std::string& value) const;
    void keep_within_bounds() const;

    std::filesystem::path folder_;  ///< empty if nothing is kept
    std::uint64_t most_bytes_;
};

}  // namespace normact::evaluator::cuda
