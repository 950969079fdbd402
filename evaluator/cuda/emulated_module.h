#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace normact::evaluator::cuda {

/// In which order the threads of a block take turns. A result that depends on it is a missing barrier.
enum class TurnOrder : std::uint8_t { first_to_last, last_to_first };

/// CUDA C++ run on the CPU, for tests: the threads of a block are fibers, which take turns at barriers and shuffles.
/// Compiled with the C++ compiler of this machine.
class EmulatedModule {
  public:
    /// Throws std::runtime_error with what the compiler says if the source or one of its kernels is wrong.
    EmulatedModule(const std::string& source, const std::vector<std::string>& kernels);
    ~EmulatedModule();
    EmulatedModule(const EmulatedModule&) = delete;
    EmulatedModule& operator=(const EmulatedModule&) = delete;

    /// Runs a kernel, whose arguments lie where `arguments` points. Shared memory is full of NaN at first. Throws
    /// std::runtime_error if not all threads of a block meet at a barrier, or not all of a warp at a shuffle.
    void launch(const std::string& kernel, std::int64_t blocks, std::int64_t threads, std::int64_t shared_bytes,
                const std::vector<void*>& arguments, TurnOrder order) const;

    /// What the source defines as `extern "C"` under this name. Throws std::runtime_error if there is nothing.
    void* find(const std::string& name) const;

  private:
    class Library;
    std::unique_ptr<const Library> library_;
};

}  // namespace normact::evaluator::cuda
