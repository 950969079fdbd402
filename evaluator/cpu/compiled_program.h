#pragma once

#include "evaluator/cpu/blocks.h"
#include "evaluator/cpu/compiled_schedule.h"
#include "evaluator/program_data.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace normact::evaluator::cpu {

/// Calls body(begin, end) for parts of [0, count), on several threads or on one. To tell which is worth it: each of
/// them has so many elements to go over.
using ParallelFor = std::function<void(std::int64_t count, std::int64_t elements_of_each,
                                       const std::function<void(std::int64_t begin, std::int64_t end)>& body)>;

/// The tables of `data` have tables_size(program, shape) numbers. Safe from several threads. Results don't depend on
/// how many threads there are.
void run(const CompiledSchedule& compiled, const TensorShape& shape, const ProgramData& data,
         const ParallelFor& parallel_for);

/// A program made ready to run on the CPU at any shape. Safe from several threads.
class CompiledProgram {
  public:
    /// `maker` must outlive it.
    CompiledProgram(const Program& program, const KernelMaker& maker, ElementType type);

    const Program& program() const { return program_; }

    /// One that keeps values between the passes of a block, if a cache holds them.
    const CompiledSchedule& schedule_for(const TensorShape& shape) const;

  private:
    Program program_;
    const KernelMaker& maker_;
    CompiledSchedule keeping_;
    mutable std::once_flag once_;
    mutable std::unique_ptr<const CompiledSchedule> computing_again_;  // for blocks that no cache holds
};

}  // namespace normact::evaluator::cpu
