#pragma once

#include "evaluator/cpu/kernel.h"
#include "evaluator/schedule.h"

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace normact::evaluator::cpu {

/// The shape of the tensors that a program runs on, and how they lie in memory.
struct TensorShape {
    std::int64_t images, channels, pixels;
    bool channels_last;
    std::int64_t groups;  ///< divides the channels
};

/// Where the inputs and outputs of a program lie, in its order. Tensors with pixels are dense, of the kernel's element
/// type; parameters and their gradients are float32 [C]. Tables, that is moments, are in double: [N,C] where the extent
/// has images and channels or groups, [N], [C] or one number where it has less; groups have one number a channel.
struct ProgramData {
    std::vector<const void*> inputs;
    std::vector<void*> outputs;
};

/// How many numbers a value of this extent has if it is no tensor.
std::int64_t table_size(Extent extent, const TensorShape& shape);

/// Calls body(begin, end) for parts of [0, count), on several threads or on one.
using ParallelFor =
    std::function<void(std::int64_t count, const std::function<void(std::int64_t begin, std::int64_t end)>& body)>;

/// A program made ready to run on the CPU at any shape: its schedule, and a kernel for each pass, made when a layout is
/// first used. Safe from several threads. Results don't depend on how many threads there are.
class CompiledProgram {
  public:
    /// `maker` must outlive it.
    CompiledProgram(const Program& program, const KernelMaker& maker, ElementType type);

    void run(const TensorShape& shape, const ProgramData& data, const ParallelFor& parallel_for) const;

    const Schedule& schedule() const { return schedule_; }

  private:
    friend class ProgramRun;

    using Kernels = std::vector<std::vector<std::unique_ptr<const Kernel>>>;  // [sweep][pass]

    const Kernels& kernels(Layout layout) const;

    Schedule schedule_;
    const KernelMaker& maker_;
    ElementType type_;
    mutable std::array<std::once_flag, 2> once_;
    mutable std::array<Kernels, 2> kernels_;  // of each layout
};

}  // namespace normact::evaluator::cpu
