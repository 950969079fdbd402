#include "evaluator/cuda/kernel_loader.h"

#include <fmt/format.h>

namespace normact::evaluator::cuda {

std::unique_ptr<const LoadedModule> KernelLoader::load(const std::string& source,
                                                       const std::vector<std::string>& kernels) const {
    const int architecture = driver_->architecture();
    const std::string key = fmt::format("{}\n{}\n{}", compiler_->identity(architecture), architecture, source);
    const auto compile = [&] { return compiler_->compile(source, architecture); };
    try {
        return driver_->load(cache_.get(key, compile), kernels);
    } catch (const DriverError& error) {
        constexpr int invalid_image = 200, no_binary_for_gpu = 209;
        if (error.code != invalid_image && error.code != no_binary_for_gpu) throw;
        return driver_->load(compile(), kernels);  // whatever the cache had
    }
}

}  // namespace normact::evaluator::cuda
