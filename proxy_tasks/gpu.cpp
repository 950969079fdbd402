#include "proxy_tasks/gpu.h"

#include "evaluator/cuda_backend.h"

#include <ATen/Context.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <cstdlib>
#include <dlfcn.h>
#include <stdexcept>
#include <string>

namespace normact::proxy_tasks {

void load_gpu_support() {
    // Without a workspace of its own for each stream, cuBLAS adds up in an order that changes. It reads this once.
    setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", /*overwrite=*/0);
    const std::string library = evaluator::libtorch_folder() / "libtorch_cuda.so";
    if (dlopen(library.c_str(), RTLD_NOW | RTLD_GLOBAL) == nullptr)
        throw std::runtime_error(
            std::string(
                "LibTorch's half for GPUs can't be loaded; tools/setup installs what it needs where there is an "
                "NVIDIA driver: ") +
            dlerror());
    if (!at::hasCUDA())
        throw std::runtime_error("LibTorch finds no NVIDIA GPU here; `nvidia-smi` says whether its driver does");
}

void set_gpu_arithmetic(bool tf32) {
    at::Context& context = at::globalContext();
    context.setDeterministicCuDNN(true);
    context.setBenchmarkCuDNN(false);
    context.setAllowTF32CuDNN(tf32);
    context.setAllowTF32CuBLAS(tf32);
}

void free_unused_memory(c10::Device device) {
    if (!device.is_cpu()) at::getDeviceAllocator(device.type())->emptyCache();
}

c10::Device device_of(c10::DeviceType type) {
    return type == c10::DeviceType::CPU ? c10::Device(type) : c10::Device(type, 0);
}

OwnStream::OwnStream(c10::Device device) {
    if (device.is_cpu()) return;
    guard_.emplace(c10::impl::VirtualGuardImpl(device.type()).getStreamFromGlobalPool(device));
}

}  // namespace normact::proxy_tasks
