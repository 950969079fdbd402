#include "evaluator/cpu/pass_code.h"

#include <algorithm>
#include <map>

namespace normact::evaluator::cpu {

PassCode pass_code(const Schedule& schedule, const Pass& pass) {
    const Program& program = schedule.program();
    PassCode code;
    std::map<ValueId, Operand> operands;
    for (const ValueId id : pass.inputs) operands[id] = {Operand::Kind::input, code.inputs++};
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
    return code;
}

}  // namespace normact::evaluator::cpu
