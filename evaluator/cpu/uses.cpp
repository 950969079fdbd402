#include "evaluator/cpu/uses.h"

#include <algorithm>

namespace normact::evaluator::cpu {

Uses::Uses(const PassCode& code) : inputs_(code.inputs), kept_(code.kept_values), steps_(code.steps.size()) {
    const auto add = [&](const Operand& operand, std::size_t step) {
        if (operand.kind == Operand::Kind::input) inputs_[operand.number].push_back(step);
        if (operand.kind == Operand::Kind::kept) kept_[operand.number].push_back(step);
        if (operand.kind == Operand::Kind::step) steps_[operand.number].push_back(step);
    };
    for (std::size_t i = 0; i < code.steps.size(); ++i)
        for (int k = 0; k < row_of(code.steps[i].operation).arity; ++k) add(code.steps[i].operands[k], i);
    std::size_t last = code.steps.size();
    for (const Operand& operand : code.plane_means) add(operand, last++);
    for (const Operand& operand : code.outputs) add(operand, last++);
    for (const PassCode::Keep& keep : code.keeps) add(keep.value, last++);
}

const std::vector<std::size_t>& Uses::of(const Operand& value) const {
    if (value.kind == Operand::Kind::input) return inputs_[value.number];
    if (value.kind == Operand::Kind::kept) return kept_[value.number];
    return value.kind == Operand::Kind::step ? steps_[value.number] : none_;
}

std::size_t Uses::next(const Operand& value, std::size_t step) const {
    const auto& all = of(value);
    const auto found = std::ranges::lower_bound(all, step);
    return found == all.end() ? never : *found;
}

}  // namespace normact::evaluator::cpu
