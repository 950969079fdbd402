#pragma once

#include <cstddef>
#include <sys/mman.h>
#include <unistd.h>

namespace normact::evaluator {

/// Memory that ends at a page that nobody may touch: whoever reads or writes beyond it ends the program.
class GuardedMemory {
  public:
    explicit GuardedMemory(std::size_t size) : size_(size) {
        const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
        whole_ = (size + page - 1) / page * page + page;
        start_ = static_cast<char*>(mmap(nullptr, whole_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        mprotect(start_ + whole_ - page, page, PROT_NONE);
        data_ = start_ + whole_ - page - size;
    }
    ~GuardedMemory() { munmap(start_, whole_); }
    GuardedMemory(const GuardedMemory&) = delete;
    GuardedMemory& operator=(const GuardedMemory&) = delete;

    char* data() const { return data_; }
    std::size_t size() const { return size_; }

  private:
    std::size_t size_, whole_;
    char *start_, *data_;
};

}  // namespace normact::evaluator
