#pragma once

#include "evaluator/cuda/driver.h"
#include "evaluator/cuda/kernel_cache.h"
#include "evaluator/cuda/kernel_compiler.h"

#include <memory>
#include <string>
#include <vector>

namespace normact::evaluator::cuda {

/// Brings sources onto the current device: compiled for it, or from the cache. Safe from several threads.
class KernelLoader {
  public:
    KernelLoader(std::unique_ptr<const Driver> driver, std::unique_ptr<const KernelCompiler> compiler,
                 KernelCache cache)
        : driver_(std::move(driver)), compiler_(std::move(compiler)), cache_(std::move(cache)) {}

    /// `kernels`: the names of all kernels of the source. Throws std::runtime_error.
    std::unique_ptr<const LoadedModule> load(const std::string& source, const std::vector<std::string>& kernels) const;

  private:
    std::unique_ptr<const Driver> driver_;
    std::unique_ptr<const KernelCompiler> compiler_;
    KernelCache cache_;
};

}  // namespace normact::evaluator::cuda
