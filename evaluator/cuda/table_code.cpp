#include "evaluator/cuda/table_code.h"

#include <algorithm>
#include <array>
#include <iterator>

namespace normact::evaluator::cuda {
namespace {

using primitives::IndexSet;

bool is_mean(const Instruction& instruction) { return instruction.operation == Operation::mean; }

/// Whether a stage of this kind can compute it.
bool can_compute(const Program& program, const TableStage& stage, ValueId id) {
    const Instruction& instruction = program.instructions[id];
    const bool over_channels = stage.loop == Loop::channels;
    if (is_mean(instruction) && (instruction.over == IndexSet::batch) == over_channels) return false;
    const auto has_other = [&](Extent e) { return over_channels ? e.has_images() : e.has_groups(); };
    if (!stage.alone) return has_other(instruction.extent);
    return std::ranges::none_of(operands_of(instruction),
                                [&](ValueId operand) { return has_other(program.instructions[operand].extent); });
}

}  // namespace

std::vector<TableStage> table_stages(const Program& program, const std::vector<ValueId>& instructions) {
    constexpr std::array kinds{std::pair{Loop::images, false}, std::pair{Loop::channels, false},
                               std::pair{Loop::channels, true}, std::pair{Loop::images, true}};
    std::vector<TableStage> stages;
    for (const ValueId id : instructions) {
        if (stages.empty() || !can_compute(program, stages.back(), id)) {
            const auto* const kind = std::ranges::find_if(kinds, [&](const auto& k) {
                return can_compute(program, {k.first, k.second, {}}, id);
            });
            stages.push_back({kind->first, kind->second, {}});
        }
        stages.back().instructions.push_back(id);
    }
    return stages;
}

std::vector<int> reads_of_small_values(const Schedule& schedule) {
    const Program& program = schedule.program();
    std::vector<int> reads(program.instructions.size());
    const auto read_by = [&](const std::vector<ValueId>& instructions) {
        for (const ValueId id : instructions)
            for (const ValueId operand : operands_of(program.instructions[id])) ++reads[operand];
    };
    for (const Sweep& sweep : schedule.sweeps) {
        read_by(sweep.small_before);
        for (const Pass& pass : sweep.passes) {
            read_by(pass.small_instructions);
            for (const ValueId id : pass.small_values) ++reads[id];
        }
    }
    read_by(schedule.small_after);
    for (const ProgramOutput& output : program.outputs) ++reads[output.value];
    return reads;
}

TableCode::TableCode(const Schedule& schedule, const SmallValues& values, const std::vector<int>& reads, Lines& lines)
    : schedule_(schedule), values_(values), reads_(reads), lines_(lines) {}

bool TableCode::is_looped_over(ValueId id) const {
    return loop_ == Loop::channels ? at(id).extent.has_groups() : at(id).extent.has_images();
}

bool TableCode::is_mean_of_groups(ValueId id) const { return is_mean(at(id)) && at(id).over == IndexSet::group; }

bool TableCode::depends_on(ValueId id, const Step& step) const {
    return std::ranges::any_of(operands_of(at(id)),
                               [&](ValueId operand) { return std::ranges::count(step.means, operand) > 0; });
}

bool TableCode::is_read_elsewhere(ValueId id, const std::vector<ValueId>& by) const {
    int here = 0;
    for (const ValueId reader : by) here += static_cast<int>(std::ranges::count(operands_of(at(reader)), id));
    return reads_[id] > here;
}

void TableCode::emit(Loop loop, const std::vector<ValueId>& instructions) {
    loop_ = loop;
    variables_.clear();
    Step step;
    for (const ValueId id : instructions) {
        if (is_mean_of_groups(id) || depends_on(id, step)) flush(step);
        if (is_mean_of_groups(id))
            emit_mean_of_groups(id);
        else if (is_mean(at(id)))
            step.means.push_back(id);
        else if (is_looped_over(id))
            step.values.push_back(id);
        else
            emit_outer(id);
    }
    flush(step);
    std::vector<ValueId> outer;
    std::ranges::copy_if(instructions, std::back_inserter(outer),
                         [&](ValueId id) { return !is_looped_over(id) && is_read_elsewhere(id, instructions); });
    if (outer.empty()) return;
    lines_.open("{}", loop == Loop::channels ? "if (threadIdx.x == 0)"
                                             : fmt::format("if (active && threadIdx.x < {})", table_channels));
    for (const ValueId id : outer) lines_.line("{}", values_.write(id, read(id)));
    lines_.close();
}

std::string TableCode::read(ValueId id) const {
    return variables_.contains(id) ? fmt::format("t{}", id) : values_.read(id);
}

void TableCode::flush(Step& step) {
    if (step.values.empty() && step.means.empty()) return;
    emit_loop(step);
    emit_sums(step);
    step = {};
}

/// Over images two loads are under way at once: nothing else hides the latency of memory there.
void TableCode::open_loop() {
    lines_.line("#pragma unroll {}", loop_ == Loop::channels ? 1 : 2);
    if (loop_ == Loop::channels)
        lines_.open("for (int c = first + threadIdx.x; c < last; c += blockDim.x)");
    else
        lines_.open("for (int n = threadIdx.x / {0}; active && n < images; n += blockDim.x / {0})", table_channels);
}

void TableCode::emit_loop(const Step& step) {
    if (!step.means.empty()) lines_.line("double sums_{}[{}] = {{}};", step.means[0], step.means.size());
    open_loop();
    std::vector<ValueId> all = step.values;
    all.insert(all.end(), step.means.begin(), step.means.end());
    for (const ValueId id : step.values) {
        lines_.line("const double t{} = {};", id, compute(id));
        if (is_read_elsewhere(id, all)) lines_.line("{}", values_.write(id, fmt::format("t{}", id)));
        variables_.insert(id);
    }
    for (std::size_t k = 0; k < step.means.size(); ++k)
        lines_.line("sums_{}[{}] += {};", step.means[0], k, read(at(step.means[k]).operands[0]));
    lines_.close();
    for (const ValueId id : step.values) variables_.erase(id);
}

void TableCode::emit_sums(const Step& step) {
    if (step.means.empty()) return;
    lines_.line("{}(sums_{});",
                loop_ == Loop::channels ? "sum_over_block" : fmt::format("sum_over_images<{}>", table_channels),
                step.means[0]);
    for (std::size_t k = 0; k < step.means.size(); ++k) {
        lines_.line("const double t{} = sums_{}[{}] * {};", step.means[k], step.means[0], k,
                    loop_ == Loop::channels ? "per_channel" : "per_image");
        variables_.insert(step.means[k]);
    }
}

void TableCode::emit_outer(ValueId id) {
    lines_.line("const double t{} = {};", id, compute(id));
    variables_.insert(id);
}

/// Each thread adds up the group of its channel, of values that other threads wrote.
void TableCode::emit_mean_of_groups(ValueId id) {
    const ValueId of = at(id).operands[0];
    lines_.line("__syncthreads();");
    open_loop();
    lines_.line("const int group_size = channels / groups, start = c / group_size * group_size;");
    lines_.line("double sum = 0;");
    lines_.line("#pragma unroll 4");
    lines_.open("for (int k = 0; k < group_size; ++k)");
    lines_.line("const int c = start + k;");
    lines_.line("sum += {};", values_.read(of));
    lines_.close();
    lines_.line("{}", values_.write(id, "sum * per_channel * groups"));
    lines_.close();
}

std::string TableCode::compute(ValueId id) const {
    return expression(at(id), [&](ValueId operand) { return read(operand); });
}

}  // namespace normact::evaluator::cuda
