#pragma once

#include <cstdint>
#include <functional>

namespace normact::evaluator {

/// Calls body(begin, end) for equal parts of [0, count), at most one for each `grain` begun, on as many of LibTorch's
/// threads as at::get_num_threads() says, on the caller's alone within a parallel region. Takes `count` bytes of
/// memory.
void parallel_for(std::int64_t count, std::int64_t grain,
                  const std::function<void(std::int64_t begin, std::int64_t end)>& body);

/// Makes LibTorch use so many threads for this one's loops while it lives.
class ThreadsInUse {
  public:
    explicit ThreadsInUse(int threads);
    ~ThreadsInUse();
    ThreadsInUse(const ThreadsInUse&) = delete;
    ThreadsInUse& operator=(const ThreadsInUse&) = delete;

  private:
    int before_;
};

}  // namespace normact::evaluator
