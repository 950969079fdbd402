#include "evaluator/cuda/emulated_driver.h"

#include "evaluator/cuda/emulated_module.h"

#include <fmt/format.h>

#include <utility>

namespace normact::evaluator::cuda {
namespace {

class EmulatedLoadedModule : public LoadedModule {
  public:
    EmulatedLoadedModule(const std::string& source, const std::vector<std::string>& kernels,
                         std::shared_ptr<DriverLog> log)
        : module_(source, kernels), log_(std::move(log)) {}

    void launch(const std::string& kernel, std::int64_t blocks, std::int64_t threads, std::int64_t shared_bytes,
                void* /*stream*/, const std::vector<void*>& arguments) const override {
        log_->push_back(fmt::format("launch {} {} × {}, {} bytes", kernel, blocks, threads, shared_bytes));
        module_.launch(kernel, blocks, threads, shared_bytes, arguments, TurnOrder::first_to_last);
    }

  private:
    EmulatedModule module_;
    std::shared_ptr<DriverLog> log_;
};

class EmulatedDriver : public Driver {
  public:
    explicit EmulatedDriver(std::shared_ptr<DriverLog> log) : log_(std::move(log)) {}
    int architecture() const override { return 90; }
    std::unique_ptr<const LoadedModule> load(const std::string& cubin,
                                             const std::vector<std::string>& kernels) const override {
        log_->push_back(fmt::format("load {}", fmt::join(kernels, " ")));
        return std::make_unique<const EmulatedLoadedModule>(cubin, kernels, log_);
    }

  private:
    std::shared_ptr<DriverLog> log_;
};

/// The machine code of the emulation is the source.
class NoCompiler : public KernelCompiler {
  public:
    std::string identity(int /*architecture*/) const override { return "none"; }
    std::string compile(const std::string& source, int /*architecture*/) const override { return source; }
};

}  // namespace

std::shared_ptr<const KernelLoader> emulated_loader(std::shared_ptr<DriverLog> log) {
    return std::make_shared<const KernelLoader>(std::make_unique<const EmulatedDriver>(std::move(log)),
                                                std::make_unique<const NoCompiler>(), KernelCache({}, 0));
}

}  // namespace normact::evaluator::cuda
