#include "evaluator/program_builder.h"

#include <algorithm>
#include <bit>

namespace normact::evaluator {
namespace {

using primitives::IndexSet;

/// True if every set of `outer` is made of whole sets of `inner`.
bool contains(IndexSet outer, IndexSet inner) {
    return outer == inner || inner == IndexSet::instance || (outer == IndexSet::layer && inner == IndexSet::group);
}

}  // namespace

ProgramBuilder::ProgramBuilder(Program program) : program_(std::move(program)) {
    for (ValueId id = 0; id < program_.instructions.size(); ++id) positions_.emplace(program_.instructions[id], id);
}

std::size_t ProgramBuilder::Hash::operator()(const Instruction& instruction) const {
    auto hash = std::bit_cast<std::uint64_t>(instruction.number);
    const auto mix = [&](std::uint64_t value) { hash = (hash ^ value) * 0x9E3779B97F4A7C15ULL; };
    mix(static_cast<std::uint64_t>(instruction.operation) << 8 | static_cast<std::uint64_t>(instruction.over));
    for (const ValueId operand : instruction.operands) mix(operand);
    return hash ^ hash >> 32;
}

ValueId ProgramBuilder::append(const Instruction& instruction) {
    const auto [position, is_new] = positions_.emplace(instruction, static_cast<ValueId>(program_.instructions.size()));
    if (is_new) program_.instructions.push_back(instruction);
    return position->second;
}

ValueId ProgramBuilder::input(ProgramInput input) {
    const Instruction instruction{.operation = Operation::input,
                                  .extent = input.extent,
                                  .operands = {static_cast<ValueId>(program_.inputs.size())}};
    program_.inputs.push_back(std::move(input));
    return append(instruction);
}

ValueId ProgramBuilder::constant(double number) {
    return append({.operation = Operation::constant, .extent = Extent::constant(), .number = number});
}

ValueId ProgramBuilder::append_binary(Operation operation, ValueId a, ValueId b) {
    return append({.operation = operation, .extent = extent(a) | extent(b), .operands = {a, b}});
}

/// A product of a value with pixels and one without.
bool ProgramBuilder::has_small_factor(ValueId id) const {
    return is(id, Operation::multiply) && !is_small(operand(id, 0)) && is_small(operand(id, 1));
}

bool ProgramBuilder::is_number(ValueId id, double number) const {
    const Instruction& instruction = program_.instructions[id];
    return instruction.operation == Operation::constant && instruction.number == number;
}

ValueId ProgramBuilder::apply(Operation operation, ValueId a, ValueId b, ValueId c) {
    Instruction instruction{.operation = operation, .extent = {}, .operands = {a, b, c}};
    bool constant_operands = true;
    for (const ValueId operand : operands_of(instruction)) {
        instruction.extent = instruction.extent | extent(operand);
        constant_operands = constant_operands && (*this)[operand].operation == Operation::constant;
    }
    const OperationRow& row = row_of(operation);
    if (constant_operands) return constant(row.value((*this)[a].number, (*this)[b].number, (*this)[c].number));
    // Small operands last, else in order: equal products are found equal.
    if (row.commutative && std::pair(is_small(a), a) > std::pair(is_small(b), b)) {
        std::swap(a, b);
        std::swap(instruction.operands[0], instruction.operands[1]);
    }
    switch (operation) {
        case Operation::add:
            return add(a, b);
        case Operation::subtract:
            return subtract(a, b);
        case Operation::multiply:
            return multiply(a, b);
        case Operation::divide:
            return divide(a, b);
        case Operation::negate:
            return negate(a);
        case Operation::maximum:
            return a == b ? a : append(instruction);
        case Operation::where_zero:
            return b == c ? b : append(instruction);
        default:
            return append(instruction);
    }
}

// Sums are never put in another order: x − m + t is not x + (t − m) where m is large.

ValueId ProgramBuilder::add(ValueId a, ValueId b) {
    if (is_number(a, 0)) return b;
    if (is_number(b, 0)) return a;
    if (is(b, Operation::negate)) return apply(Operation::subtract, a, operand(b, 0));
    if (is(a, Operation::negate)) return apply(Operation::subtract, b, operand(a, 0));
    return append_binary(Operation::add, a, b);
}

ValueId ProgramBuilder::subtract(ValueId a, ValueId b) {
    if (is_number(b, 0)) return a;
    if (is_number(a, 0)) return negate(b);
    if (is(b, Operation::negate)) return apply(Operation::add, a, operand(b, 0));
    return append_binary(Operation::subtract, a, b);
}

/// Small factors are gathered at the end of a product, where they are one small value and leave means easily.
ValueId ProgramBuilder::multiply(ValueId a, ValueId b) {
    if (is_number(a, 1)) return b;
    if (is_number(b, 1)) return a;
    if (is_number(b, -1)) return negate(a);
    const bool mixed = is_small(b) && !is_small(a);  // a sign goes to the small factor
    if (is(a, Operation::negate))
        return mixed ? apply(Operation::multiply, operand(a, 0), negate(b))
                     : negate(apply(Operation::multiply, operand(a, 0), b));
    if (is(b, Operation::negate) && !mixed) return negate(apply(Operation::multiply, a, operand(b, 0)));
    if (is_small(a)) return append_binary(Operation::multiply, a, b);
    if (has_small_factor(a))
        return is_small(b) ? apply(Operation::multiply, operand(a, 0), apply(Operation::multiply, operand(a, 1), b))
                           : apply(Operation::multiply, apply(Operation::multiply, operand(a, 0), b), operand(a, 1));
    if (has_small_factor(b))
        return apply(Operation::multiply, apply(Operation::multiply, a, operand(b, 0)), operand(b, 1));
    return append_binary(Operation::multiply, a, b);
}

ValueId ProgramBuilder::divide(ValueId a, ValueId b) {
    if (is_number(b, 1)) return a;
    if (is(a, Operation::negate)) return negate(apply(Operation::divide, operand(a, 0), b));
    if (is(b, Operation::negate)) return negate(apply(Operation::divide, a, operand(b, 0)));
    const ValueId one = constant(1);
    if (is_small(b) && !is_small(a)) return apply(Operation::multiply, a, apply(Operation::divide, one, b));
    if (is_small(a) && !is_small(b) && a != one) return apply(Operation::multiply, apply(Operation::divide, one, b), a);
    if (!is_small(a) && has_small_factor(a))
        return apply(Operation::multiply, apply(Operation::divide, operand(a, 0), b), operand(a, 1));
    return append_binary(Operation::divide, a, b);
}

ValueId ProgramBuilder::negate(ValueId a) {
    if (is(a, Operation::constant)) return constant(-(*this)[a].number);
    if (is(a, Operation::negate)) return operand(a, 0);
    if (is(a, Operation::subtract)) return apply(Operation::subtract, operand(a, 1), operand(a, 0));
    if (has_small_factor(a)) return apply(Operation::multiply, operand(a, 0), apply(Operation::negate, operand(a, 1)));
    return append({.operation = Operation::negate, .extent = extent(a), .operands = {a}});
}

ValueId ProgramBuilder::mean(IndexSet set, ValueId a) {
    const std::pair key(set, a);
    if (const auto known = means_.find(key); known != means_.end()) return known->second;
    return means_[key] = find_mean(set, a);
}

ValueId ProgramBuilder::find_mean(IndexSet set, ValueId a) {
    if (extent(a).is_constant_on(set)) return a;
    const Instruction inner = (*this)[a];
    const auto [first, second, third] = inner.operands;
    switch (inner.operation) {
        case Operation::negate:
            return negate(mean(set, first));
        case Operation::add:
        case Operation::subtract:
            if (inner.operation == Operation::subtract && second == mean(set, first)) return constant(0);
            if (!extent(first).is_constant_on(set) && !extent(second).is_constant_on(set)) break;
            return apply(inner.operation, mean(set, first), mean(set, second));
        case Operation::multiply:
            if (extent(first).is_constant_on(set)) return apply(Operation::multiply, first, mean(set, second));
            if (extent(second).is_constant_on(set)) return apply(Operation::multiply, mean(set, first), second);
            break;
        case Operation::mean:
            if (contains(set, inner.over)) return mean(set, first);
            break;
        default:
            break;
    }
    return append({.operation = Operation::mean, .over = set, .extent = extent(a).mean_over(set), .operands = {a}});
}

std::vector<ValueId> copy_inputs(const Program& from, ProgramBuilder& to) {
    std::vector<ValueId> inputs;
    inputs.reserve(from.inputs.size());
    for (const ProgramInput& input : from.inputs) inputs.push_back(to.input(input));
    return inputs;
}

void copy_instructions(const Program& from, const std::vector<bool>& live, const std::vector<ValueId>& inputs,
                       ProgramBuilder& to, const Replacement& replacement) {
    std::vector<ValueId> copies(live.size());
    const auto copy = [&](const Instruction& instruction, const std::array<ValueId, 3>& operands) {
        switch (instruction.operation) {
            case Operation::input:
                return inputs[instruction.operands[0]];
            case Operation::constant:
                return to.constant(instruction.number);
            case Operation::mean:
                return to.mean(instruction.over, operands[0]);
            default:
                return to.apply(instruction.operation, operands[0], operands[1], operands[2]);
        }
    };
    for (ValueId id = 0; id < live.size(); ++id) {
        if (!live[id]) continue;
        const Instruction& instruction = from.instructions[id];
        std::array<ValueId, 3> operands{};
        std::ranges::transform(operands_of(instruction), operands.begin(), [&](ValueId read) { return copies[read]; });
        const std::optional<ValueId> replaced = replacement(id, operands);
        copies[id] = replaced ? *replaced : copy(instruction, operands);
    }
    for (ProgramOutput output : from.outputs) {
        output.value = copies[output.value];
        to.output(std::move(output));
    }
}

}  // namespace normact::evaluator
