#include "evaluator/cpu/tables.h"

#include <algorithm>
#include <cmath>

namespace normact::evaluator::cpu {

using primitives::IndexSet;

std::int64_t tables_size(const Program& program, const TensorShape& shape) {
    std::int64_t size = 0;
    for (const Instruction& instruction : program.instructions)
        if (!instruction.extent.has_pixels()) size += table_size(instruction.extent, shape);
    return size;
}

Tables::Tables(const Program& program, const TensorShape& shape, const std::vector<const void*>& inputs, double* memory)
    : program_(program), shape_(shape), tables_(program.instructions.size()), values_(memory) {
    std::int64_t size = 0;
    for (ValueId id = 0; id < tables_.size(); ++id) {
        const Extent extent = program.instructions[id].extent;
        if (extent.has_pixels()) continue;
        const std::int64_t channels = extent.has_groups() ? shape.channels : 1;
        tables_[id] = {size, extent.has_images() ? channels : 0, extent.has_groups() ? 1 : 0};
        size += table_size(extent, shape);
    }
    for (ValueId id = 0; id < tables_.size(); ++id) {
        const Instruction& instruction = program.instructions[id];
        if (instruction.operation == Operation::constant)
            values_[tables_[id].start] = instruction.number;
        else if (instruction.operation == Operation::input && !instruction.extent.has_pixels())
            fill(id, program.inputs[instruction.operands[0]].saved, inputs[instruction.operands[0]]);
    }
}

void Tables::fill(ValueId id, bool in_double, const void* from) {
    if (from == nullptr) return;  // a plane mean
    const std::int64_t size = table_size(program_.instructions[id].extent, shape_);
    double* to = &values_[tables_[id].start];
    if (in_double)
        std::copy_n(static_cast<const double*>(from), size, to);
    else
        std::copy_n(static_cast<const float*>(from), size, to);
}

/// Calls function(result, a, b, c, count) for runs of channels, with strides of 0 or 1 beside each pointer.
template <typename Function>
void Tables::for_each_row(ValueId id, const Instruction& instruction, const Planes& planes, Function function) {
    const Table& table = tables_[id];
    const std::int64_t images = table.image_stride == 0 ? planes.first_image + 1 : planes.last_image;
    const std::int64_t count = table.channel_stride == 0 ? 1 : planes.last_channel - planes.first_channel;
    for (std::int64_t n = planes.first_image; n < images; ++n) {
        std::array<const double*, 3> from{};
        std::array<std::int64_t, 3> strides{};
        for (std::size_t i = 0; i < operands_of(instruction).size(); ++i) {
            from[i] = &at(instruction.operands[i], n, planes.first_channel);
            strides[i] = channel_stride(instruction.operands[i]);
        }
        function(&at(id, n, planes.first_channel), from, strides, count);
    }
}

void Tables::compute(ValueId id, const Planes& planes) {
    const Instruction& instruction = program_.instructions[id];
    if (instruction.operation == Operation::mean) return compute_mean(instruction, id, planes);
    // The frequent ones are inlined, with strides that the compiler knows: it makes vectors of these loops.
    const auto map_one = [&](auto value) {
        for_each_row(id, instruction, planes, [&](double* result, const auto& from, const auto&, auto count) {
            for (std::int64_t i = 0; i < count; ++i) result[i] = value(from[0][i]);
        });
    };
    const auto map_two = [&](auto value) {
        for_each_row(id, instruction, planes, [&](double* result, const auto& from, const auto& strides, auto count) {
            const double *a = from[0], *b = from[1];
            if (strides[0] != 0 && strides[1] != 0)
                for (std::int64_t i = 0; i < count; ++i) result[i] = value(a[i], b[i]);
            else if (strides[0] != 0)
                for (std::int64_t i = 0; i < count; ++i) result[i] = value(a[i], *b);
            else
                for (std::int64_t i = 0; i < count; ++i) result[i] = value(*a, b[i * strides[1]]);
        });
    };
    switch (instruction.operation) {
        case Operation::add:
            return map_two([](double a, double b) { return a + b; });
        case Operation::subtract:
            return map_two([](double a, double b) { return a - b; });
        case Operation::multiply:
            return map_two([](double a, double b) { return a * b; });
        case Operation::divide:
            return map_two([](double a, double b) { return a / b; });
        case Operation::negate:
            return map_one([](double a) { return -a; });
        case Operation::sqrt:
            return map_one([](double a) { return std::sqrt(a); });
        default:
            for_each_row(
                id, instruction, planes, [&](double* result, const auto& from, const auto& strides, auto count) {
                    for (std::int64_t i = 0; i < count; ++i)
                        result[i] =
                            row_of(instruction.operation)
                                .value(from[0][i * strides[0]], from[1] == nullptr ? 0.0 : from[1][i * strides[1]],
                                       from[2] == nullptr ? 0.0 : from[2][i * strides[2]]);
                });
    }
}

void Tables::compute_mean(const Instruction& instruction, ValueId id, const Planes& planes) {
    const ValueId of = instruction.operands[0];
    const std::int64_t stride = channel_stride(of);
    if (instruction.over == IndexSet::batch) {
        const std::int64_t channels = stride == 0 ? 1 : shape_.channels;
        double* const to = &at(id, 0, 0);
        std::fill_n(to, channels, 0.0);
        for (std::int64_t n = 0; n < shape_.images; ++n) {
            const double* const from = &at(of, n, 0);
            for (std::int64_t c = 0; c < channels; ++c) to[c] += from[c];
        }
        for (std::int64_t c = 0; c < channels; ++c) to[c] /= static_cast<double>(shape_.images);
        return;
    }
    const bool in_groups = instruction.over == IndexSet::group;
    const std::int64_t size = in_groups ? shape_.channels / shape_.groups : shape_.channels;
    const std::int64_t first = in_groups ? planes.first_channel : 0;
    const std::int64_t last = in_groups ? planes.last_channel : shape_.channels;
    // A mean of what has no images is the same for all.
    const std::int64_t images = instruction.extent.has_images() ? planes.last_image : planes.first_image + 1;
    for (std::int64_t n = planes.first_image; n < images; ++n)
        for (std::int64_t start = first; start < last; start += size) {
            const double* const from = &at(of, n, start);
            double sum = 0;
            for (std::int64_t c = 0; c < size; ++c) sum += from[c * stride];
            std::fill_n(&at(id, n, start), channel_stride(id) == 0 ? 1 : size, sum / static_cast<double>(size));
        }
}

void Tables::copy_to(ValueId id, double* to) const {
    std::copy_n(&values_[tables_[id].start], table_size(program_.instructions[id].extent, shape_), to);
}

}  // namespace normact::evaluator::cpu
