#include "evaluator/layer_programs.h"

#include "evaluator/differentiate.h"
#include "evaluator/lowering.h"
#include "evaluator/program_builder.h"

#include <algorithm>
#include <utility>

namespace normact::evaluator {
namespace {

std::string saved_name(std::size_t k) { return "saved " + std::to_string(k); }

/// Which instructions the outputs depend on if those in `known` depend on nothing.
std::vector<bool> live_without(const Program& program, const std::vector<ValueId>& known) {
    std::vector<bool> live(program.instructions.size());
    for (const ProgramOutput& output : program.outputs) live[output.value] = true;
    for (std::size_t id = live.size(); id-- > 0;)
        if (live[id] && std::ranges::find(known, id) == known.end())
            for (const ValueId operand : operands_of(program.instructions[id])) live[operand] = true;
    return live;
}

/// The program with the instructions in `known` as inputs "saved k".
Program with_saved(const Program& program, const std::vector<ValueId>& known) {
    ProgramBuilder builder;
    std::vector<ValueId> inputs, saved;
    saved.reserve(known.size());
    for (const ProgramInput& input : program.inputs) inputs.push_back(builder.input(input.name, input.extent));
    for (std::size_t k = 0; k < known.size(); ++k)
        saved.push_back(builder.saved_input(saved_name(k), program.instructions[known[k]].extent));
    const std::vector<bool> live = live_without(program, known);
    std::vector<ValueId> mapped(live.size());
    const auto copy = [&](ValueId id) {
        const Instruction& instruction = program.instructions[id];
        const auto operand = [&](std::size_t which) { return mapped[instruction.operands[which]]; };
        if (const auto found = std::ranges::find(known, id); found != known.end())
            return saved[static_cast<std::size_t>(found - known.begin())];
        switch (instruction.operation) {
            case Operation::input:
                return inputs[instruction.operands[0]];
            case Operation::constant:
                return builder.constant(instruction.number);
            case Operation::mean:
                return builder.mean(instruction.over, operand(0));
            default:
                return builder.apply(instruction.operation, operand(0), operand(1), operand(2));
        }
    };
    for (ValueId id = 0; id < live.size(); ++id)
        if (live[id]) mapped[id] = copy(id);
    for (ProgramOutput output : program.outputs) {
        output.value = mapped[output.value];
        builder.output(std::move(output));
    }
    return builder.take();
}

std::vector<std::string> gradients_of(const std::vector<std::string>& names) {
    std::vector<std::string> gradients;
    gradients.reserve(names.size());
    for (const std::string& name : names) gradients.push_back("gradient of " + name);
    return gradients;
}

}  // namespace

LayerPrograms layer_programs(const primitives::LayerGraph& graph, double epsilon, bool training) {
    LayerPrograms programs;
    programs.forward = lower(graph, epsilon, training);
    for (const ProgramInput& input : programs.forward.inputs)
        if (!input.name.starts_with("average")) programs.differentiable.push_back(input.name);
    programs.backward = differentiate(programs.forward, {"y"}, programs.differentiable);
    std::vector<std::string> of_backward = programs.differentiable;
    of_backward.emplace_back("gradient of y");
    programs.double_backward = differentiate(programs.backward, gradients_of(programs.differentiable), of_backward);

    // The means of forward that backward reads. Forward's instructions stand at the same positions in all three.
    std::vector<ValueId> means, saved;
    for (ValueId id = 0; id < programs.forward.instructions.size(); ++id)
        if (programs.forward.instructions[id].operation == Operation::mean) means.push_back(id);
    const std::vector<bool> live = live_without(programs.backward, means);
    std::ranges::copy_if(means, std::back_inserter(saved), [&](ValueId id) { return live[id]; });
    for (std::size_t k = 0; k < saved.size(); ++k) {
        programs.forward.outputs.push_back(
            {.name = saved_name(k), .value = saved[k], .form = ProgramOutput::Form::table});
        programs.saved.push_back(programs.forward.instructions[saved[k]].extent);
    }
    programs.backward = with_saved(programs.backward, saved);
    programs.double_backward = with_saved(programs.double_backward, saved);
    return programs;
}

}  // namespace normact::evaluator
