#pragma once

#include <c10/core/Device.h>

#include <functional>
#include <memory>

namespace normact::proxy_tasks {

/// Records what a device does, to do it again without the CPU: a CUDA graph.
class Recorder {
  public:
    virtual ~Recorder() = default;
    /// Calls the function, whose work is recorded and not done.
    virtual void record(const std::function<void()>& work) = 0;
    virtual void replay() = 0;
};

/// Work that is done again and again on the same tensors. With a recorder its first calls are run as they are, so that
/// libraries start and kernels compile; then it is recorded once and replayed from there on.
class RepeatedWork {
  public:
    /// Without a recorder every call runs the work.
    explicit RepeatedWork(std::function<void()> work, std::unique_ptr<Recorder> recorder = nullptr);
    void run();

  private:
    static constexpr int runs_before_recording = 3;

    std::function<void()> work_;
    std::unique_ptr<Recorder> recorder_;
    int runs_ = 0;
};

/// A recorder for the device: nothing for the CPU. Throws std::runtime_error if the library for it is not there.
std::unique_ptr<Recorder> make_recorder(c10::Device device);

}  // namespace normact::proxy_tasks
