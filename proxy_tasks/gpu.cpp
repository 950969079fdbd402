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

// LibTorch hands out a fixed number of streams in turn: taking them back keeps two threads off one of them.
Streams::Own::Own(Streams& streams) : streams_(streams) {
    if (streams.device_.is_cpu()) return;
    const std::scoped_lock lock(streams.mutex_);
    if (streams.free_.empty())
        streams.free_.push_back(
            c10::impl::VirtualGuardImpl(streams.device_.type()).getStreamFromGlobalPool(streams.device_));
    guard_.emplace(streams.free_.back());
    streams.free_.pop_back();
}

Streams::Own::~Own() {
    if (!guard_) return;
    const std::scoped_lock lock(streams_.mutex_);
    streams_.free_.push_back(guard_->current_stream());
}

bool Streams::Own::device_is_usable() const {
    if (!guard_) return true;
    try {  // such an error comes again from every call
        c10::impl::VirtualGuardImpl(streams_.device_.type()).queryStream(guard_->current_stream());
        return true;
    } catch (const std::exception&) {
        return false;
    }
}

}  // namespace normact::proxy_tasks
