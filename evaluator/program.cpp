#include "evaluator/program.h"

#include <cstdio>

namespace normact::evaluator {
namespace {

std::string number_text(double number) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.9g", number);
    return text.data();
}

std::string extent_text(Extent extent) {
    if (extent.has_pixels()) return "nchw";
    std::string text = extent.has_images() ? "n" : "";
    if (extent.has_channels()) return text + "c";
    if (extent.has_groups()) return text + "g";
    return text.empty() ? "1" : text;
}

}  // namespace

std::span<const ValueId> operands_of(const Instruction& instruction) {
    return std::span(instruction.operands).first(static_cast<std::size_t>(row_of(instruction.operation).arity));
}

std::string instruction_text(const Program& program, ValueId id) {
    const Instruction& instruction = program.instructions[id];
    std::string text = "%" + std::to_string(id) + ": " + extent_text(instruction.extent) + " = ";
    text += row_of(instruction.operation).name;
    if (instruction.operation == Operation::input)
        text += " " + program.inputs[instruction.operands[0]].name;
    else if (instruction.operation == Operation::constant)
        text += " " + number_text(instruction.number);
    else if (instruction.operation == Operation::mean)
        text += "_" + std::string(primitives::name(instruction.over));
    for (const ValueId operand : operands_of(instruction)) text += " %" + std::to_string(operand);
    return text;
}

std::string to_text(const Program& program) {
    std::string text;
    for (ValueId id = 0; id < program.instructions.size(); ++id) text += instruction_text(program, id) + "\n";
    for (const ProgramOutput& output : program.outputs)
        text += output.name + (output.form == ProgramOutput::Form::batch_sum ? " = sum over batch of %" : " = %") +
                std::to_string(output.value) + "\n";
    return text;
}

std::vector<bool> live_instructions(const Program& program) {
    return live_instructions(program, [&](ValueId id) { return operands_of(program.instructions[id]); });
}

std::vector<bool> live_instructions(const Program& program,
                                    const std::function<std::span<const ValueId>(ValueId id)>& reads) {
    std::vector<bool> live(program.instructions.size());
    for (const ProgramOutput& output : program.outputs) live[output.value] = true;
    for (auto id = static_cast<ValueId>(live.size()); id-- > 0;)
        if (live[id])
            for (const ValueId read : reads(id)) live[read] = true;
    return live;
}

}  // namespace normact::evaluator
