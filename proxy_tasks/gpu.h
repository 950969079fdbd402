#pragma once

#include <c10/core/Device.h>
#include <c10/core/StreamGuard.h>

#include <mutex>
#include <optional>
#include <vector>

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

/// A device's streams, each of which one thread has at a time. None on the CPU.
class Streams {
  public:
    explicit Streams(c10::Device device) : device_(device) {}

    /// While it lives, what the calling thread starts on the device waits for nothing that other threads started.
    class Own {
      public:
        explicit Own(Streams& streams);
        ~Own();
        Own(const Own&) = delete;
        Own& operator=(const Own&) = delete;

        /// False after an error that leaves this process without the device, such as an illegal access.
        bool device_is_usable() const;

      private:
        Streams& streams_;
        std::optional<c10::StreamGuard> guard_;
    };

  private:
    c10::Device device_;
    std::mutex mutex_;  // of free_
    std::vector<c10::Stream> free_;
};

}  // namespace normact::proxy_tasks
