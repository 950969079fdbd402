#include "evaluator/cuda/small_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <iterator>
#include <stdexcept>

namespace normact::evaluator::cuda {
namespace {

bool is_plane_mean(const Schedule& schedule, ValueId id) {
    return std::ranges::find(schedule.factored.plane_means, id, &PlaneMean::input) !=
           schedule.factored.plane_means.end();
}

}  // namespace

SmallValues::SmallValues(const Schedule& schedule)
    : program_(schedule.program()), tables_(program_.instructions.size()), is_computed_(tables_.size()) {
    for (ValueId id = 0; id < tables_.size(); ++id) {
        const Instruction& instruction = program_.instructions[id];
        if (instruction.extent.has_pixels() || instruction.operation == Operation::constant) continue;
        if (instruction.operation == Operation::input && !is_plane_mean(schedule, id)) {
            const ProgramInput& input = program_.inputs[instruction.operands[0]];
            tables_[id] = {(input.saved ? "" : "(double)") + parameter_name(input.name) + "["};
            continue;
        }
        is_computed_[id] = true;
        for (const ProgramOutput& output : program_.outputs)
            if (output.value == id && output.form == ProgramOutput::Form::table)
                tables_[id].push_back(parameter_name(output.name) + "[");
        if (!tables_[id].empty()) continue;
        const Extent extent = instruction.extent;
        if (extent.has_images() && extent.has_groups())
            tables_[id] = {fmt::format("plane_tables[(Index){} * images * channels + ", sizes_.of_planes++)};
        else if (extent.has_images())
            tables_[id] = {fmt::format("image_tables[(Index){} * images + ", sizes_.of_images++)};
        else if (extent.has_groups())
            tables_[id] = {fmt::format("channel_tables[(Index){} * channels + ", sizes_.of_channels++)};
        else
            tables_[id] = {fmt::format("program_tables[{} + ", sizes_.of_program++)};
    }
}

std::string SmallValues::read(ValueId id) const {
    const Instruction& instruction = program_.instructions[id];
    if (instruction.operation == Operation::constant) return literal(instruction.number);
    return tables_[id].front() + table_index(instruction.extent) + "]";
}

std::string SmallValues::write(ValueId id, const std::string& value) const {
    std::string statements;
    for (const std::string& table : tables_[id])
        statements += table + table_index(program_.instructions[id].extent) + "] = ";
    statements += value + ";";
    for (const ProgramOutput& output : program_.outputs)
        if (output.value == id && output.form == ProgramOutput::Form::batch_sum && is_written_with_value(output))
            statements += fmt::format(" {}[c] = (float)({} * images * pixels);", parameter_name(output.name), value);
    return statements;
}

bool SmallValues::is_written_with_value(const ProgramOutput& output) const {
    const Instruction& instruction = program_.instructions[output.value];
    if (!is_computed_[output.value]) return false;
    return output.form == ProgramOutput::Form::table || instruction.extent.has_groups();
}

const char* table_index(Extent extent) {
    if (extent.has_images() && extent.has_groups()) return "(Index)n * channels + c";
    return extent.has_images() ? "n" : extent.has_groups() ? "c" : "0";
}

std::string parameter_name(const std::string& name) {
    std::string result = name;
    std::ranges::replace_if(
        result, [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
    return result;
}

std::string literal(double number) {
    if (std::isnan(number)) return "__longlong_as_double(0x7ff8000000000000ll)";
    if (std::isinf(number))
        return number > 0 ? "__longlong_as_double(0x7ff0000000000000ll)"
                          : "-__longlong_as_double(0x7ff0000000000000ll)";
    return fmt::format("{:a}", number);
}

std::string literal(float number) {
    if (std::isnan(number)) return "__uint_as_float(0x7fc00000u)";
    if (std::isinf(number)) return number > 0 ? "__uint_as_float(0x7f800000u)" : "-__uint_as_float(0x7f800000u)";
    return fmt::format("{:a}f", number);
}

std::string expression(const Instruction& instruction, const std::function<std::string(ValueId operand)>& name) {
    std::vector<std::string> operands;
    std::ranges::transform(operands_of(instruction), std::back_inserter(operands), name);
    const auto between = [&](const char* sign) { return operands[0] + sign + operands[1]; };
    const auto call = [&](const char* function) { return fmt::format("{}({})", function, fmt::join(operands, ", ")); };
    switch (instruction.operation) {
        case Operation::add:
            return between(" + ");
        case Operation::subtract:
            return between(" - ");
        case Operation::multiply:
            return between(" * ");
        case Operation::divide:
            return between(" / ");
        case Operation::negate:
            return "-(" + operands[0] + ")";
        case Operation::maximum:
            return call("maximum");
        case Operation::abs:
            return call("absolute");
        case Operation::sign:
            return call("sign");
        case Operation::sqrt:
            return call("signed_root");
        case Operation::log:
            return call("signed_log");
        case Operation::exp:
            return call("exponential");
        case Operation::sigmoid:
            return call("sigmoid");
        case Operation::tanh:
            return call("hyperbolic_tangent");
        case Operation::where_zero:
            return call("where_zero");
        case Operation::input:
        case Operation::constant:
        case Operation::mean:
            break;
    }
    throw std::logic_error("not an elementwise operation");
}

}  // namespace normact::evaluator::cuda
