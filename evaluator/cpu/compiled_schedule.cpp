#include "evaluator/cpu/compiled_schedule.h"

#include <utility>

namespace normact::evaluator::cpu {

CompiledSchedule::CompiledSchedule(Schedule schedule, const KernelMaker& maker, ElementType type)
    : schedule_(std::move(schedule)), maker_(maker), type_(type) {}

const CompiledSchedule::Kernels& CompiledSchedule::kernels(Layout layout) const {
    const auto which = static_cast<std::size_t>(layout);
    std::call_once(once_[which], [&] {
        for (const Sweep& sweep : schedule_.sweeps) {
            auto& kernels = kernels_[which].emplace_back();
            for (const Pass& pass : sweep.passes)
                kernels.push_back(maker_.make(pass_code(schedule_, sweep, pass), type_, layout));
        }
    });
    return kernels_[which];
}

}  // namespace normact::evaluator::cpu
