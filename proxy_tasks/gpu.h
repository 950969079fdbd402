#pragma once

#include <c10/core/Device.h>
#include <c10/core/StreamGuard.h>

#include <optional>

namespace normact::proxy_tasks {

/// Loads LibTorch's half for GPUs, which programs are not linked with, so that they start where it is missing. Call it
/// before anything asks LibTorch for GPUs. Throws std::runtime_error that says what this machine lacks.
void load_gpu_support();

/// How all threads of this program compute on GPUs from now on: the same results each time, and convolutions with TF32
/// or without.
void set_gpu_arithmetic(bool tf32);

/// Gives memory of the device back that no tensor holds.
void free_unused_memory(c10::Device device);

/// The first device of this kind.
c10::Device device_of(c10::DeviceType type);

/// While it lives, what the calling thread starts on the device waits for nothing that other threads started. Nothing
/// on the CPU.
class OwnStream {
  public:
    explicit OwnStream(c10::Device device);

  private:
    std::optional<c10::StreamGuard> guard_;
};

}  // namespace normact::proxy_tasks
