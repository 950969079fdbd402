#include "evaluator/cuda/sweep_code.h"

#include <algorithm>

namespace normact::evaluator::cuda {

SweepCode::SweepCode(const Schedule& schedule, const Sweep& sweep, const SmallValues& values, const Variant& variant,
                     Lines& lines)
    : schedule_(schedule),
      sweep_(sweep),
      values_(values),
      variant_(variant),
      lines_(lines),
      read_again_(inputs_read_again(sweep)) {}

void SweepCode::emit_positions() {
    const int width = variant_.width_of(sweep_.block);
    lines_.line("const int lane = threadIdx.x % {}, row = threadIdx.x / {};", width, width);
    if (!variant_.resident || read_again_.empty()) return;
    lines_.line("// What stays: of each input the elements of the block, in the order of memory.");
    lines_.line("constexpr int sums_size = {};", sums_size(schedule_, sweep_, variant_));
    for (std::size_t i = 0; i < read_again_.size(); ++i)
        lines_.line("Element* const {}_here = (Element*)(shared_memory + sums_size) + {} * channels_of_block * pixels;",
                    input_name(read_again_[i]), i);
}

void SweepCode::emit(const Pass& pass) {
    open_planes(pass);
    emit_small_values(pass);
    const std::size_t sums = pass.plane_means.size();
    const std::string lanes = variant_.channels_last ? fmt::format("[{}]", variant_.vector) : "";
    if (sums > 0) lines_.line("double sums[{}]{} = {{}};", sums, lanes);
    const int width = variant_.width_of(sweep_.block);
    // A contiguous plane is a row of vectors; in channels_last each pixel is, and threads take pixels in turn.
    const int step = variant_.channels_last ? variant_.threads(sweep_.block) / width : width * variant_.vector;
    lines_.line("constexpr int step = {};", step);
    if (variant_.channels_last) lines_.open("if (c < last)");
    lines_.line("#pragma unroll 1");
    if (variant_.channels_last)
        lines_.open("for (int p = row; p < pixels; p += step * {})", variant_.loads_at_once());
    else
        lines_.open("for (int p = lane * {}; p < pixels; p += step * {})", variant_.vector, variant_.loads_at_once());
    emit_loads(pass);
    if (sums > 0) lines_.line("float partial[{}]{} = {{}};", sums, lanes);
    if (has_centres(pass)) lines_.line("float lost[{}]{} = {{}};", sums, lanes);
    emit_elements(pass);
    if (sums > 0) {
        lines_.line("for (int k = 0; k < {}; ++k)", sums);
        if (variant_.channels_last) lines_.line("    for (int j = 0; j < {}; ++j)", variant_.vector);
        const char* const lane = variant_.channels_last ? "[j]" : "";
        lines_.line("        sums[k]{} += (double)partial[k]{}{};", lane, lane,
                    has_centres(pass) ? fmt::format(" + (double)lost[k]{}", lane) : "");
    }
    lines_.close();
    if (variant_.channels_last) lines_.close();
    emit_means(pass);
    lines_.close();
    loaded_.insert(pass.inputs.begin(), pass.inputs.end());
}

void SweepCode::open_planes(const Pass& pass) {
    lines_.line("#pragma unroll 1");  // here and below: what is gained is less than what it costs to compile
    const auto is_here = [&](ValueId id) { return stays(id) && loaded_.contains(id); };
    const bool elsewhere = !pass.outputs.empty() || !std::ranges::all_of(pass.inputs, is_here);
    const bool here = std::ranges::any_of(pass.inputs, [&](ValueId id) { return stays(id); });
    if (variant_.channels_last) {
        lines_.open("for (int start = first; start < last; start += {})", variant_.planes_at_once(sweep_.block));
        lines_.line("const int c = start + lane * {};", variant_.vector);
        if (elsewhere) lines_.line("const Index begin = (Index)n * pixels * channels + c, pitch = channels;");
        if (here) lines_.line("const int begin_here = c - first, pitch_here = channels_of_block;");
    } else {
        lines_.open("for (int c = first + row; c < last; c += {})", variant_.planes_at_once(sweep_.block));
        if (elsewhere) lines_.line("const Index begin = ((Index)n * channels + c) * pixels, pitch = 1;");
        if (here) lines_.line("const int begin_here = (c - first) * pixels, pitch_here = 1;");
    }
}

bool SweepCode::has_lanes(ValueId id) const { return variant_.channels_last && at(id).extent.has_groups(); }

bool SweepCode::has_centres(const Pass& pass) const {
    return std::ranges::any_of(pass.plane_means,
                               [&](std::size_t k) { return schedule_.factored.plane_means[k].is_centre; });
}

bool SweepCode::stays(ValueId id) const {
    return variant_.resident && std::ranges::find(read_again_, id) != read_again_.end();
}

std::string SweepCode::input_name(ValueId id) const {
    return parameter_name(schedule_.program().inputs[at(id).operands[0]].name);
}

void SweepCode::emit_small_values(const Pass& pass) {
    for (const ValueId id : pass.small_values)
        if (!has_lanes(id)) lines_.line("const float t{} = (float)({});", id, values_.read(id));
    const auto lanes = [&](ValueId id) { return has_lanes(id); };
    if (std::ranges::none_of(pass.small_values, lanes)) return;
    for (const ValueId id : pass.small_values)
        if (has_lanes(id)) lines_.line("float t{}s[{}];", id, variant_.vector);
    lines_.line("const int first_lane = c;");
    lines_.open("for (int j = 0; j < {} && first_lane < last; ++j)", variant_.vector);
    lines_.line("const int c = first_lane + j;");
    for (const ValueId id : pass.small_values)
        if (has_lanes(id)) lines_.line("t{}s[j] = (float)({});", id, values_.read(id));
    lines_.close();
}

void SweepCode::emit_loads(const Pass& pass) {
    if (pass.inputs.empty()) return;
    lines_.line("typedef Pack<Element, {}> Elements;", variant_.vector);
    for (const ValueId id : pass.inputs)
        lines_.line("Elements {}_loaded[{}];", input_name(id), variant_.loads_at_once());
    lines_.line("#pragma unroll");
    lines_.open("for (int i = 0; i < {}; ++i) if (p + i * step < pixels)", variant_.loads_at_once());
    for (const ValueId id : pass.inputs) emit_load(id);
    lines_.close();
}

void SweepCode::emit_load(ValueId id) {
    const std::string name = input_name(id);
    const std::string here = fmt::format("*(Elements*)({}_here + begin_here + (p + i * step) * pitch_here)", name);
    if (stays(id) && loaded_.contains(id)) {
        lines_.line("{}_loaded[i] = {};", name, here);
        return;
    }
    lines_.line("{}_loaded[i] = *(const Elements*)({} + begin + (p + i * step) * pitch);", name, name);
    if (stays(id)) lines_.line("{} = {}_loaded[i];", here, name);
}

std::string SweepCode::operand(ValueId id) const {
    const Instruction& instruction = at(id);
    if (instruction.operation == Operation::constant) return literal(static_cast<float>(instruction.number));
    if (!instruction.extent.has_pixels() && has_lanes(id)) return fmt::format("t{}s[j]", id);
    return fmt::format("t{}", id);
}

void SweepCode::emit_elements(const Pass& pass) {
    const Program& program = schedule_.program();
    lines_.line("#pragma unroll");
    lines_.open("for (int i = 0; i < {}; ++i) if (p + i * step < pixels)", variant_.loads_at_once());
    for (const std::size_t k : pass.outputs)
        lines_.line("Pack<Element, {}> {}_stored;", variant_.vector, parameter_name(program.outputs[k].name));
    lines_.line("#pragma unroll");
    lines_.open("for (int j = 0; j < {}; ++j)", variant_.vector);
    for (const ValueId id : pass.inputs)
        lines_.line("const float t{} = to_float({}_loaded[i].elements[j]);", id, input_name(id));
    for (const ValueId id : pass.instructions)
        lines_.line("const float t{} = {};", id, expression(at(id), [&](ValueId of) { return operand(of); }));
    for (std::size_t k = 0; k < pass.plane_means.size(); ++k) {
        const PlaneMean& mean = schedule_.factored.plane_means[pass.plane_means[k]];
        const std::string place = fmt::format("[{}]{}", k, variant_.channels_last ? "[j]" : "");
        lines_.line("{}", mean.is_centre
                              ? fmt::format("add_exactly(partial{}, lost{}, {});", place, place, operand(mean.of))
                              : fmt::format("partial{} += {};", place, operand(mean.of)));
    }
    for (const std::size_t k : pass.outputs)
        lines_.line("set({}_stored.elements[j], {});", parameter_name(program.outputs[k].name),
                    operand(program.outputs[k].value));
    lines_.close();
    for (const std::size_t k : pass.outputs) {
        const std::string name = parameter_name(program.outputs[k].name);
        lines_.line("*(Pack<Element, {}>*)({} + begin + (p + i * step) * pitch) = {}_stored;", variant_.vector, name,
                    name);
    }
    lines_.close();
}

void SweepCode::emit_means(const Pass& pass) {
    if (pass.plane_means.empty()) return;
    const auto input = [&](std::size_t k) { return schedule_.factored.plane_means[pass.plane_means[k]].input; };
    if (!variant_.channels_last) {
        if (variant_.width_of(sweep_.block) == 32)
            lines_.line("for (int k = 0; k < {}; ++k) sums[k] = sum_of_warp(sums[k]);", pass.plane_means.size());
        else
            lines_.line("sum_over_block(sums);");
        lines_.open("if (lane == 0)");
        for (std::size_t k = 0; k < pass.plane_means.size(); ++k)
            lines_.line("{}", values_.write(input(k), fmt::format("sums[{}] * per_pixel", k)));
        lines_.close();
        return;
    }
    for (std::size_t k = 0; k < pass.plane_means.size(); ++k) {
        lines_.open();
        lines_.line("const double sum = sum_over_rows(sums[{}], {});", k, variant_.width);
        lines_.line("const int c = start + threadIdx.x;");
        lines_.open("if (threadIdx.x < {} && c < last)", variant_.planes_at_once(sweep_.block));
        lines_.line("{}", values_.write(input(k), "sum * per_pixel"));
        lines_.close();
        lines_.close();
    }
}

}  // namespace normact::evaluator::cuda
