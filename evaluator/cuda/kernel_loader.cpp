#include "evaluator/cuda/kernel_loader.h"

#include <fmt/format.h>

#include <chrono>

namespace normact::evaluator::cuda {
namespace {

/// How many kernels may wait to be loaded: what was prepared in vain is forgotten.
constexpr std::size_t most_wanted = 64;

std::string key_of(const KernelCompiler& compiler, const KernelCode& kernel, int architecture) {
    return fmt::format("{}\n{}\n{}", compiler.identity(architecture), architecture, kernel.source);
}

}  // namespace

std::vector<std::unique_ptr<const LoadedModule>> KernelLoader::load(const std::vector<KernelCode>& kernels) const {
    const int architecture = driver_->architecture();
    std::vector<Cubin> cubins;
    cubins.reserve(kernels.size());
    for (const KernelCode& kernel : kernels) cubins.push_back(cubin_of(kernel, architecture));
    std::vector<std::unique_ptr<const LoadedModule>> modules;
    modules.reserve(kernels.size());
    for (std::size_t k = 0; k < kernels.size(); ++k) modules.push_back(load(kernels[k], architecture, cubins[k]));
    return modules;
}

void KernelLoader::prepare(const std::vector<KernelCode>& kernels) const {
    const int architecture = driver_->architecture();
    for (const KernelCode& kernel : kernels) (void)cubin_of(kernel, architecture);
}

KernelLoader::Cubin KernelLoader::cubin_of(const KernelCode& kernel, int architecture) const {
    const std::string key = key_of(*compiler_, kernel, architecture);
    const std::scoped_lock lock(mutex_);
    if (wanted_.size() >= most_wanted)
        std::erase_if(wanted_, [](const auto& entry) {
            return entry.second.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
        });
    if (const auto found = wanted_.find(key); found != wanted_.end()) return found->second;
    Cubin cubin = std::async(std::launch::async, [this, key, source = kernel.source, architecture] {
                      return cache_.get(key, [&] { return compiler_->compile(source, architecture); });
                  }).share();
    wanted_.emplace(key, cubin);
    return cubin;
}

std::unique_ptr<const LoadedModule> KernelLoader::load(const KernelCode& kernel, int architecture,
                                                       const Cubin& cubin) const {
    cubin.wait();
    {
        const std::scoped_lock lock(mutex_);
        wanted_.erase(key_of(*compiler_, kernel, architecture));
    }
    try {
        return driver_->load(cubin.get(), {kernel.name});
    } catch (const DriverError& error) {
        constexpr int invalid_image = 200, no_binary_for_gpu = 209;
        if (error.code != invalid_image && error.code != no_binary_for_gpu) throw;
        // Whatever the cache had.
        return driver_->load(compiler_->compile(kernel.source, architecture), {kernel.name});
    }
}

}  // namespace normact::evaluator::cuda
