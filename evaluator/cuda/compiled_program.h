#pragma once

#include "evaluator/cuda/kernel_loader.h"
#include "evaluator/cuda/program_source.h"
#include "evaluator/cuda/small_values.h"
#include "evaluator/cuda/variant.h"
#include "evaluator/program_data.h"
#include "evaluator/schedule.h"
#include "evaluator/tensor_shape.h"

#include <array>
#include <memory>
#include <mutex>
#include <vector>

namespace normact::evaluator::cuda {

/// A program as kernels on GPUs. They are compiled for a kind of shape when it first comes. Safe from several threads.
class CompiledProgram {
  public:
    CompiledProgram(Program program, ElementType type, std::shared_ptr<const KernelLoader> loader);

    const Program& program() const { return program_; }
    /// How many numbers in double the tables take.
    std::int64_t tables_size(const TensorShape& shape) const { return tables_.at(shape); }
    /// Puts the program into the stream of the device, which is the current one. Throws std::runtime_error.
    void run(const TensorShape& shape, const ProgramData& data, int device, void* stream) const;
    /// Begins to compile for such shapes and tensors as LibTorch allocates them, on the current device; does not wait.
    void prepare(const TensorShape& shape) const;

  private:
    /// The kernels for a kind of shape, on a device.
    struct Loaded {
        int device;
        Variant variant;
        ProgramSource source;
        std::vector<std::unique_ptr<const LoadedModule>> modules;  ///< one a kernel
    };
    const Loaded& loaded(const Variant& variant, int device) const;

    Program program_;
    ElementType type_;
    Schedule schedule_;
    SmallValues::Sizes tables_;
    std::shared_ptr<const KernelLoader> loader_;
    mutable std::mutex mutex_;
    mutable std::vector<std::unique_ptr<const Loaded>> loaded_;
};

/// The arguments of a kernel in the order of its parameters.
class KernelArguments {
  public:
    KernelArguments(const ProgramData& data, const TensorShape& shape, const Launch& launch);
    KernelArguments(const KernelArguments&) = delete;
    KernelArguments& operator=(const KernelArguments&) = delete;
    /// Where each of them lies, for as long as this lives.
    const std::vector<void*>& places() const { return places_; }

  private:
    std::vector<const void*> pointers_;
    std::array<int, 5> sizes_;
    std::array<double, 3> shares_;
    std::vector<void*> places_;
};

}  // namespace normact::evaluator::cuda
