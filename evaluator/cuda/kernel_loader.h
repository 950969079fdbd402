#pragma once

#include "evaluator/cuda/driver.h"
#include "evaluator/cuda/kernel_cache.h"
#include "evaluator/cuda/kernel_compiler.h"

#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace normact::evaluator::cuda {

/// A kernel and the whole source that it is compiled from.
struct KernelCode {
    std::string name;
    std::string source;
};

/// Brings kernels onto the current device: compiled for it, or from the cache. Each is compiled by itself, all of them
/// at once, and by one thread alone if several ask for it. Safe from several threads.
class KernelLoader {
  public:
    KernelLoader(std::unique_ptr<const Driver> driver, std::unique_ptr<const KernelCompiler> compiler,
                 KernelCache cache)
        : driver_(std::move(driver)), compiler_(std::move(compiler)), cache_(std::move(cache)) {}

    /// One module a kernel, in their order. Throws std::runtime_error.
    std::vector<std::unique_ptr<const LoadedModule>> load(const std::vector<KernelCode>& kernels) const;

    /// Begins to compile what `load` will be asked for soon, and does not wait for it.
    void prepare(const std::vector<KernelCode>& kernels) const;

  private:
    using Cubin = std::shared_future<std::string>;

    /// From the cache, or being compiled.
    Cubin cubin_of(const KernelCode& kernel, int architecture) const;
    std::unique_ptr<const LoadedModule> load(const KernelCode& kernel, int architecture, const Cubin& cubin) const;

    std::unique_ptr<const Driver> driver_;
    std::unique_ptr<const KernelCompiler> compiler_;
    KernelCache cache_;
    mutable std::mutex mutex_;
    mutable std::map<std::string, Cubin> wanted_;  ///< by their keys, until they are loaded; guarded by mutex_
};

}  // namespace normact::evaluator::cuda
