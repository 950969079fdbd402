#pragma once

#include "evaluator/cpu/blocks.h"
#include "evaluator/cpu/compiled_schedule.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace normact::evaluator::cpu {

/// Where the inputs and outputs of a program lie, in its order. Tensors with pixels are dense, of the kernel's element
/// type; parameters and their gradients are float32 [C]. Tables, that is moments, are in double: [N,C] where the extent
/// has images and channels or groups, [N], [C] or one number where it has less; groups have one number a channel.
struct ProgramData {
    std::vector<const void*> inputs;
    std::vector<void*> outputs;
    double* tables = nullptr;  ///< scratch memory for as many numbers as tables_size says
};

/// How many numbers a value of this extent has if it is no tensor.
std::int64_t table_size(Extent extent, const TensorShape& shape);

/// Calls body(begin, end) for parts of [0, count), on several threads or on one. To tell which is worth it: each of
/// them has so many elements to go over.
using ParallelFor = std::function<void(std::int64_t count, std::int64_t elements_of_each,
                                       const std::function<void(std::int64_t begin, std::int64_t end)>& body)>;

/// A program made ready to run on the CPU at any shape. Safe from several threads. Results don't depend on how many
/// threads there are.
class CompiledProgram {
  public:
    /// `maker` must outlive it.
    CompiledProgram(const Program& program, const KernelMaker& maker, ElementType type);

    /// How many numbers its values without pixels are.
    std::int64_t tables_size(const TensorShape& shape) const;
    void run(const TensorShape& shape, const ProgramData& data, const ParallelFor& parallel_for) const;

    const Schedule& schedule() const { return keeping_.schedule(); }

  private:
    const CompiledSchedule& computing_again() const;

    Program program_;
    const KernelMaker& maker_;
    CompiledSchedule keeping_;
    mutable std::once_flag once_;
    mutable std::unique_ptr<const CompiledSchedule> computing_again_;  // for blocks that no cache holds
};

}  // namespace normact::evaluator::cpu
