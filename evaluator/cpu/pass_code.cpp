#include "evaluator/cpu/pass_code.h"

#include <algorithm>
#include <map>

namespace normact::evaluator::cpu {

PassCode pass_code(const Schedule& schedule, const Sweep& sweep, const Pass& pass) {
    const Program& program = schedule.program();
    PassCode code;
    std::map<ValueId, Operand> operands;
    for (const ValueId id : pass.inputs) operands[id] = {Operand::Kind::input, code.inputs++};
    const auto place = [&](ValueId id) {
        return static_cast<std::uint32_t>(std::ranges::find(sweep.kept, id) - sweep.kept.begin());
    };
    code.kept_values = static_cast<std::uint32_t>(sweep.kept.size());
    for (const ValueId id : pass.kept_inputs) operands[id] = {Operand::Kind::kept, place(id)};
    for (const ValueId id : pass.small_values) operands[id] = {Operand::Kind::small_value, code.small_values++};
    const auto operand = [&](ValueId id) {
        const Instruction& instruction = program.instructions[id];
        const auto [position, is_new] = operands.try_emplace(id);
        if (is_new) {  // nothing else is without a place
            position->second = {Operand::Kind::constant, static_cast<std::uint32_t>(code.constants.size())};
            code.constants.push_back(static_cast<float>(instruction.number));
        }
        return position->second;
    };
    for (const ValueId id : pass.instructions) {
        const Instruction& instruction = program.instructions[id];
        Step step{instruction.operation, {}};
        std::ranges::transform(operands_of(instruction), step.operands.begin(), operand);
        operands[id] = {Operand::Kind::step, static_cast<std::uint32_t>(code.steps.size())};
        code.steps.push_back(step);
    }
    for (const std::size_t k : pass.plane_means)
        code.plane_means.push_back(operand(schedule.factored.plane_means[k].of));
    for (const std::size_t k : pass.outputs) code.outputs.push_back(operand(program.outputs[k].value));
    for (const ValueId id : pass.keeps) code.keeps.push_back({operand(id), place(id)});
    return code;
}

}  // namespace normact::evaluator::cpu
