#include "evaluator/cpu/compiled_schedule.h"

#include <utility>

namespace normact::evaluator::cpu {

CompiledSchedule::CompiledSchedule(Schedule schedule, const KernelMaker& maker, ElementType type)
    : schedule_(std::move(schedule)), maker_(maker), type_(type) {}

const CompiledSchedule::Kernels& CompiledSchedule::kernels(Layout layout) const {
    const auto which = static_cast<std::size_t>(layout);
    std::call_once(once_[which], [&] {
        Kernels kernels;  // all or none
        for (const Sweep& sweep : schedule_.sweeps) {
            auto& of_sweep = kernels.emplace_back();
            for (const Pass& pass : sweep.passes)
                of_sweep.push_back(maker_.make(pass_code(schedule_, sweep, pass), type_, layout));
        }
        kernels_[which] = std::move(kernels);
    });
    return kernels_[which];
}

}  // namespace normact::evaluator::cpu
