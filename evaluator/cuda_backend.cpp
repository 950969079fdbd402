#include "evaluator/cuda_backend.h"

#include "evaluator/cuda/compiled_program.h"
#include "evaluator/layer_arguments.h"

#include <ATen/ATen.h>
#include <c10/core/DeviceGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <c10/util/StringUtil.h>

#include <dlfcn.h>
#include <filesystem>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace normact::evaluator {
namespace {

/// CUDA's handle of the stream that LibTorch uses now on the device.
void* current_stream(at::Device device) {
    return device.is_cuda() ? c10::impl::VirtualGuardImpl(device.type()).getStream(device).native_handle() : nullptr;
}

class CudaProgram : public RunnableProgram {
  public:
    CudaProgram(const Program& program, ElementType type, std::shared_ptr<const cuda::KernelLoader> loader)
        : compiled_(program, type, std::move(loader)) {}

    std::int64_t tables_size(const TensorShape& shape) const override { return compiled_.tables_size(shape); }

    void run(const TensorShape& shape, const ProgramData& data, at::Device device) const override {
        const c10::DeviceGuard guard(device);
        compiled_.run(shape, data, device.has_index() ? device.index() : 0, current_stream(device));
    }

    void prepare(const TensorShape& shape, at::Device device) const override {
        const c10::DeviceGuard guard(device);
        compiled_.prepare(shape);
    }

  private:
    cuda::CompiledProgram compiled_;
};

class CudaBackend : public Backend {
  public:
    CudaBackend(std::function<std::shared_ptr<const cuda::KernelLoader>()> open, c10::DeviceType device)
        : open_(std::move(open)), device_(device) {}

    c10::DeviceType device() const override { return device_; }
    void check(const at::Tensor& x) const override {
        require_of_layer(x.device().type() == device_,
                         c10::str("the engine cuda needs x in the memory of a GPU; it is on ", x.device()));
        require_of_layer(
            x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16 || x.scalar_type() == at::kHalf,
            "the engine cuda takes float32, bfloat16 and float16; for float64 use the engine aten");
    }
    std::unique_ptr<const RunnableProgram> compile(const Program& program, ElementType type) const override {
        std::call_once(opened_, [&] { loader_ = open_(); });
        return std::make_unique<const CudaProgram>(program, type, loader_);
    }
    bool is_slow_to_compile() const override { return true; }
    at::Tensor empty_like(const at::Tensor& like) const override { return at::empty_like(like); }
    at::Tensor empty_doubles(std::int64_t count, at::Device device) const override {
        return at::empty({count}, at::TensorOptions(device).dtype(at::kDouble));
    }

  private:
    std::function<std::shared_ptr<const cuda::KernelLoader>()> open_;
    c10::DeviceType device_;
    mutable std::once_flag opened_;
    mutable std::shared_ptr<const cuda::KernelLoader> loader_;
};

/// Where NVRTC lies beside LibTorch, in the packages of PyPI.
std::vector<std::string> folders_of_nvrtc() {
    const std::filesystem::path libtorch = libtorch_folder();
    if (libtorch.empty()) return {};
    const std::filesystem::path packages = libtorch.parent_path().parent_path();
    return {packages / "nvidia/cu13/lib", packages / "nvidia/cuda_nvrtc/lib"};
}

}  // namespace

std::filesystem::path libtorch_folder() {
    Dl_info info{};
    if (dladdr(reinterpret_cast<const void*>(&c10::DeviceTypeName), &info) == 0) return {};
    return std::filesystem::path(info.dli_fname).parent_path();
}

std::shared_ptr<const Backend> cuda_backend(std::function<std::shared_ptr<const cuda::KernelLoader>()> open,
                                            c10::DeviceType device) {
    return std::make_shared<const CudaBackend>(std::move(open), device);
}

std::shared_ptr<const cuda::KernelLoader> machine_loader() {
    constexpr std::uint64_t most_bytes_of_cache = std::uint64_t{512} << 20;
    return std::make_shared<const cuda::KernelLoader>(
        cuda::open_driver(), std::make_unique<const cuda::Nvrtc>(folders_of_nvrtc()),
        cuda::KernelCache(cuda::KernelCache::default_folder(), most_bytes_of_cache));
}

}  // namespace normact::evaluator
