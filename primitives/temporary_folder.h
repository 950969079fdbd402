#pragma once

// For tests: of every folder, several at once.

#include <gtest/gtest.h>

#include <filesystem>
#include <random>
#include <string>
#include <unistd.h>

namespace normact {

/// A folder that goes away with this object; in memory where that is possible, so that nothing waits for a disk.
class TemporaryFolder {
  public:
    TemporaryFolder()
        : path_(std::filesystem::path(access("/dev/shm", W_OK) == 0 ? "/dev/shm" : testing::TempDir()) /
                ("normact-" + std::to_string(std::random_device()()))) {
        std::filesystem::create_directories(path_);
    }
    ~TemporaryFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;

    const std::filesystem::path& path() const { return path_; }
    std::string file(const std::string& name) const { return (path_ / name).string(); }

  private:
    std::filesystem::path path_;
};

}  // namespace normact
