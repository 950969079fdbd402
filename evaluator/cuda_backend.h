#pragma once

#include "evaluator/backend.h"
#include "evaluator/cuda/kernel_loader.h"

#include <c10/core/DeviceType.h>

#include <filesystem>
#include <functional>
#include <memory>

namespace normact::evaluator {

/// Programs on GPUs, in float32, bfloat16 and float16, on the tensor's device and its current stream; they may be
/// captured in a CUDA graph once they have run. `open`: called when the first program is compiled. `device`: of the
/// tensors that it takes; tests emulate GPUs on the CPU.
std::shared_ptr<const Backend> cuda_backend(std::function<std::shared_ptr<const cuda::KernelLoader>()> open,
                                            c10::DeviceType device = c10::DeviceType::CUDA);

/// The folder of LibTorch's libraries; empty if it can't be told.
std::filesystem::path libtorch_folder();

/// NVRTC, the driver and the user's cache of kernels. Throws std::runtime_error that says what this machine lacks.
std::shared_ptr<const cuda::KernelLoader> machine_loader();

}  // namespace normact::evaluator
