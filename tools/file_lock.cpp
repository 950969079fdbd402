#include "tools/file_lock.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <stdexcept>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace normact::tools {
namespace {

/// True if the open file is the one at the path. Between opening and locking, its former holder may have removed it.
bool lies_at(int descriptor, const std::string& path) {
    struct stat opened {};
    struct stat there {};
    return fstat(descriptor, &opened) == 0 && stat(path.c_str(), &there) == 0 && opened.st_dev == there.st_dev &&
           opened.st_ino == there.st_ino;
}

[[noreturn]] void refuse(const std::string& lock, const std::string& path) {
    throw std::runtime_error(
        fmt::format("{} is not a lock of normact; it was left as it is. Choose another path than {}", lock, path));
}

}  // namespace

FileLock::FileLock(const std::string& path) : path_(path + ".lock") {
    while (true) {
        descriptor_ = open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
        if (descriptor_ < 0 && errno == ELOOP) refuse(path_, path);
        if (descriptor_ < 0) throw std::runtime_error(fmt::format("can't write {}: {}", path_, std::strerror(errno)));
        if (struct stat there{}; fstat(descriptor_, &there) != 0 || there.st_size > 0 || !S_ISREG(there.st_mode)) {
            close(descriptor_);
            refuse(path_, path);
        }
        const bool locked = flock(descriptor_, LOCK_EX | LOCK_NB) == 0;
        const int error = errno;
        if (locked && lies_at(descriptor_, path_)) return;
        close(descriptor_);
        if (locked) continue;
        throw std::runtime_error(error == EWOULDBLOCK ? fmt::format("{} is in use by another process", path)
                                                      : fmt::format("can't lock {}: {}", path_, std::strerror(error)));
    }
}

FileLock::~FileLock() {
    unlink(path_.c_str());  // first: whoever opens it now is locked out, or makes another one
    close(descriptor_);
}

}  // namespace normact::tools
