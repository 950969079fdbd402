#pragma once

#include "evaluator/cpu/kernel.h"
#include "evaluator/schedule.h"

#include <array>
#include <memory>
#include <mutex>
#include <vector>

namespace normact::evaluator::cpu {

/// A schedule with a kernel for each pass, made when a layout is first used. Safe from several threads.
class CompiledSchedule {
  public:
    using Kernels = std::vector<std::vector<std::unique_ptr<const Kernel>>>;  // [sweep][pass]

    /// `maker` must outlive it.
    CompiledSchedule(Schedule schedule, const KernelMaker& maker, ElementType type);

    const Schedule& schedule() const { return schedule_; }
    ElementType type() const { return type_; }
    int lanes() const { return maker_.lanes(); }
    const Kernels& kernels(Layout layout) const;

  private:
    Schedule schedule_;
    const KernelMaker& maker_;
    ElementType type_;
    mutable std::array<std::once_flag, 2> once_;
    mutable std::array<Kernels, 2> kernels_;  // of each layout
};

}  // namespace normact::evaluator::cpu
