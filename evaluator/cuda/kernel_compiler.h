#pragma once

#include "evaluator/cuda/shared_library.h"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace normact::evaluator::cuda {

/// Makes machine code of CUDA C++. An interface, so that tests count and fake it.
class KernelCompiler {
  public:
    virtual ~KernelCompiler() = default;
    /// All that changes its results beside the source: its name, version and options.
    virtual std::string identity(int architecture) const = 0;
    /// A cubin for GPUs of the compute capability `architecture`/10, for instance 90. Throws std::runtime_error with
    /// what the compiler says.
    virtual std::string compile(const std::string& source, int architecture) const = 0;
};

/// NVRTC, NVIDIA's compiler as a library. Needs no GPU. Safe from several threads.
class Nvrtc : public KernelCompiler {
  public:
    /// Looks in `folders` first. Throws std::runtime_error that says what to install if it is nowhere.
    explicit Nvrtc(const std::vector<std::string>& folders);

    std::string identity(int architecture) const override;
    std::string compile(const std::string& source, int architecture) const override;

  private:
    using Program = struct ProgramHandle*;

    void check(int status, const std::string& what) const;

    SharedLibrary library_;
    std::optional<SharedLibrary> builtins_;
    int major_version_ = 0, minor_version_ = 0;
    int (*version_)(int*, int*) = nullptr;
    const char* (*error_string_)(int) = nullptr;
    int (*create_)(Program*, const char*, const char*, int, const char* const*, const char* const*) = nullptr;
    int (*destroy_)(Program*) = nullptr;
    int (*compile_)(Program, int, const char* const*) = nullptr;
    int (*log_size_)(Program, std::size_t*) = nullptr;
    int (*log_)(Program, char*) = nullptr;
    int (*cubin_size_)(Program, std::size_t*) = nullptr;
    int (*cubin_)(Program, char*) = nullptr;
};

}  // namespace normact::evaluator::cuda
