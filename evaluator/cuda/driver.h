#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace normact::evaluator::cuda {

/// A call of the driver that failed.
class DriverError : public std::runtime_error {
  public:
    DriverError(const std::string& what, int result) : std::runtime_error(what), code(result) {}
    int code;  ///< CUresult
};

/// Machine code on a GPU. Safe from several threads.
class LoadedModule {
  public:
    virtual ~LoadedModule() = default;
    /// Puts a kernel into a queue of work. `stream`: CUDA's handle of it. The arguments lie where the pointers point,
    /// and are copied.
    virtual void launch(const std::string& kernel, std::int64_t blocks, std::int64_t threads, std::int64_t shared_bytes,
                        void* stream, const std::vector<void*>& arguments) const = 0;
};

/// The part of NVIDIA's driver that runs kernels, on the device that is current on the calling thread. An interface, so
/// that tests stand in for it.
class Driver {
  public:
    virtual ~Driver() = default;
    /// Ten times the compute capability of the device, for instance 90.
    virtual int architecture() const = 0;
    /// `kernels`: the names of all that it has. Throws DriverError.
    virtual std::unique_ptr<const LoadedModule> load(const std::string& cubin,
                                                     const std::vector<std::string>& kernels) const = 0;
};

/// The driver of this machine. Throws std::runtime_error that says what is missing if there is none.
std::unique_ptr<const Driver> open_driver();

}  // namespace normact::evaluator::cuda
