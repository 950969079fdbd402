#include "evaluator/plain_program.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace normact::evaluator {
namespace {

using primitives::IndexSet;

PlainTensor elementwise(Operation operation, const std::vector<const PlainTensor*>& operands) {
    PlainTensor result = *operands[0];
    const auto value = [&](std::size_t which, std::size_t i) {
        return which < operands.size() ? operands[which]->values[i] : 0.0;
    };
    for (std::size_t i = 0; i < result.values.size(); ++i)
        result.values[i] = row_of(operation).value(value(0, i), value(1, i), value(2, i));
    return result;
}

/// The value of each instruction.
std::vector<PlainTensor> values_of(const Program& program, const std::vector<PlaneMean>& plane_means,
                                   const PlainInputs& inputs, int groups) {
    const PlainTensor& like = inputs.begin()->second;
    std::map<ValueId, ValueId> mean_of;
    for (const PlaneMean& plane_mean : plane_means) mean_of[plane_mean.input] = plane_mean.of;
    std::vector<PlainTensor> values;
    for (ValueId id = 0; id < program.instructions.size(); ++id) {
        const Instruction& instruction = program.instructions[id];
        std::vector<const PlainTensor*> operands;
        for (const ValueId operand : operands_of(instruction)) operands.push_back(&values[operand]);
        if (mean_of.contains(id))
            values.push_back(plain_mean(IndexSet::instance, values[mean_of[id]], groups));
        else if (instruction.operation == Operation::input)
            values.push_back(inputs.at(program.inputs[instruction.operands[0]].name));
        else if (instruction.operation == Operation::constant)
            values.push_back(spread(std::vector(static_cast<std::size_t>(like.c), instruction.number), like));
        else if (instruction.operation == Operation::mean)
            values.push_back(plain_mean(instruction.over, *operands[0], groups));
        else
            values.push_back(elementwise(instruction.operation, operands));
    }
    return values;
}

std::map<std::string, PlainTensor> run(const Program& program, const std::vector<PlaneMean>& plane_means,
                                       const PlainInputs& inputs, int groups) {
    const std::vector<PlainTensor> values = values_of(program, plane_means, inputs, groups);
    const PlainTensor& like = inputs.begin()->second;
    std::map<std::string, PlainTensor> outputs;
    for (const ProgramOutput& output : program.outputs) {
        PlainTensor value = values[output.value];
        if (output.form == ProgramOutput::Form::batch_sum)
            for (double& element : value.values) element *= like.n * like.h * like.w;
        outputs.emplace(output.name, std::move(value));
    }
    return outputs;
}

}  // namespace

PlainTensor spread(const std::vector<double>& channels, const PlainTensor& like) {
    PlainTensor result = like;
    for_each_index(like,
                   [&](int n, int c, int h, int w) { result.at(n, c, h, w) = channels[static_cast<std::size_t>(c)]; });
    return result;
}

std::map<std::string, PlainTensor> run_plainly(const Program& program, const PlainInputs& inputs, int groups) {
    return run(program, {}, inputs, groups);
}

std::map<std::string, PlainTensor> run_plainly(const FactoredProgram& factored, const PlainInputs& inputs, int groups) {
    return run(factored.program, factored.plane_means, inputs, groups);
}

double largest_value(const Program& program, const PlainInputs& inputs, int groups) {
    const std::vector<bool> live = live_instructions(program);
    double largest = 0;
    const std::vector<PlainTensor> values = values_of(program, {}, inputs, groups);
    for (std::size_t id = 0; id < values.size(); ++id)
        if (live[id])
            for (const double value : values[id].values) largest = std::max(largest, std::abs(value));
    return largest;
}

}  // namespace normact::evaluator
