#pragma once

#include <string>

namespace normact::tools {

/// Keeps other processes from writing the same file, for as long as this object lives: by a locked file beside it that
/// ends in .lock. What a killed process leaves of it locks nobody out.
class FileLock {
  public:
    /// Throws std::runtime_error if another one holds the lock, or if nothing can be written there.
    explicit FileLock(const std::string& path);
    ~FileLock();
    FileLock(const FileLock&) = delete;
    FileLock& operator=(const FileLock&) = delete;

  private:
    std::string path_;
    int descriptor_ = -1;
};

}  // namespace normact::tools
