#include "evaluator/standalone/function_code.h"

#include "evaluator/cuda/small_values.h"
#include "evaluator/standalone/expressions.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace normact::evaluator::standalone {
namespace {

using primitives::Binding;
using primitives::IndexSet;
using primitives::Piece;

constexpr std::size_t longest_expression = 44;

bool mentions(const std::vector<std::string>& lines, std::string_view word) {
    return std::ranges::any_of(lines, [&](const std::string& line) { return line.find(word) != std::string::npos; });
}

}  // namespace

const char* index_of(Extent extent) {
    if (extent.has_images() && extent.has_groups()) return "nc";
    return extent.has_images() ? "n" : extent.has_groups() ? "c" : "0";
}

const char* size_of_table(Extent extent) {
    if (extent.has_images() && extent.has_groups()) return "planes";
    return extent.has_images() ? "N" : extent.has_groups() ? "C" : "1";
}

FunctionCode::FunctionCode(const Program& program, Language language, std::string name)
    : schedule_(schedule(program, Reuse::compute_again)),
      language_(language),
      name_(std::move(name)),
      places_(this->program().instructions.size()),
      readers_(places_.size()),
      is_read_by_passes_(places_.size()),
      is_plane_mean_(places_.size()) {
    find_readers();
    for (ValueId id = 0; id < places_.size(); ++id)
        if (at(id).operation == Operation::input)
            places_[id] = argument(cuda::parameter_name(this->program().inputs[at(id).operands[0]].name));
    for (const PlaneMean& mean : schedule_.factored.plane_means) {
        is_plane_mean_[mean.input] = true;
        places_[mean.input].clear();
    }
    for (const Sweep& sweep : schedule_.sweeps) {
        emit_small(sweep.small_before, /*in_block=*/false);
        emit_sweep(sweep);
    }
    emit_small(schedule_.small_after, /*in_block=*/false);
    emit_outputs(program);
}

void FunctionCode::find_readers() {
    std::vector<std::vector<ValueId>> small{schedule_.small_after};
    for (const Sweep& sweep : schedule_.sweeps) {
        small.push_back(sweep.small_before);
        for (const Pass& pass : sweep.passes) {
            small.push_back(pass.small_instructions);
            for (const ValueId id : pass.small_values) is_read_by_passes_[id] = true;
        }
    }
    for (const ProgramOutput& output : program().outputs) is_read_by_passes_[output.value] = true;
    for (const std::vector<ValueId>& instructions : small)
        for (const ValueId id : instructions)
            for (const ValueId operand : operands_of(at(id))) readers_[operand].push_back(id);
}

FunctionCode::Loop FunctionCode::loop_of(Extent extent) {
    if (extent.has_images() && extent.has_groups()) return Loop::planes;
    return extent.has_images() ? Loop::images : extent.has_groups() ? Loop::channels : Loop::once;
}

std::string FunctionCode::argument(std::string_view name) const { return (is_cuda() ? "a." : "") + std::string(name); }

/// The table of the value, made if there is none.
std::string FunctionCode::table(ValueId id) {
    if (places_[id].empty()) {
        const char* const kind = is_plane_mean_[id]                    ? "plane_mean_"
                                 : at(id).operation == Operation::mean ? "mean_"
                                                                       : "t";
        const std::string name = kind + std::to_string(id);
        tables_.push_back({name, size_of_table(at(id).extent)});
        places_[id] = argument(name);
    }
    return places_[id] + "[" + index_of(at(id).extent) + "]";
}

Piece FunctionCode::read(ValueId id, bool in_double) const {
    const Instruction& instruction = at(id);
    if (instruction.operation == Operation::constant) return literal(instruction.number, in_double);
    if (places_[id].empty()) throw std::logic_error("standalone: a value is read before it is written");
    const std::string element = places_[id] + "[" + index_of(instruction.extent) + "]";
    const bool is_float = instruction.operation == Operation::input && !is_plane_mean_[id] &&
                          !program().inputs[instruction.operands[0]].saved;
    if (in_double == is_float) return {(in_double ? "(double)" : "(float)") + element, Binding::prefix};
    return {element};
}

/// The name of a value without pixels within a pass, in float.
std::string FunctionCode::scalar(ValueId id) const {
    const Instruction& instruction = at(id);
    if (instruction.operation != Operation::input || is_plane_mean_[id]) return "s" + std::to_string(id);
    return cuda::parameter_name(program().inputs[instruction.operands[0]].name) + "_" + index_of(instruction.extent);
}

/// The instructions as statements: one for each that is used more than once, or too long; the others stand where they
/// are used.
FunctionCode::Statements FunctionCode::write(const std::vector<ValueId>& instructions,
                                             const std::vector<ValueId>& results, bool in_double) const {
    std::vector<int> uses(places_.size());
    for (const ValueId id : instructions)
        for (const ValueId operand : operands_of(at(id))) ++uses[operand];
    for (const ValueId id : results) ++uses[id];
    Statements statements{{}, std::vector<Piece>(places_.size())};
    const std::string type = in_double ? "const double " : "const float ";
    for (const ValueId id : instructions) {
        std::vector<Piece> operands;
        for (const ValueId operand : operands_of(at(id))) {
            const Piece& known = statements.pieces[operand];
            const bool is_small = !at(operand).extent.has_pixels();
            if (!known.text.empty())
                operands.push_back(known);
            else if (at(operand).operation == Operation::constant || in_double)
                operands.push_back(read(operand, in_double));
            else
                operands.push_back({is_small
                                        ? scalar(operand)
                                        : cuda::parameter_name(program().inputs[at(operand).operands[0]].name) + "_p"});
        }
        Piece& piece = statements.pieces[id];
        piece = is_copy(id) ? operands.front() : expression(at(id), operands, in_double);
        const bool is_once = uses[id] == 1 && piece.text.size() <= longest_expression;
        if (is_once) continue;
        const std::string name = (in_double ? "d" : "e") + std::to_string(id);
        statements.lines.push_back(type + name + " = " + std::exchange(piece, {name}).text + ";");
    }
    return statements;
}

/// A mean over what the value does not differ in.
bool FunctionCode::is_copy(ValueId id) const {
    const Instruction& instruction = at(id);
    if (instruction.operation != Operation::mean) return false;
    const Extent operand = at(instruction.operands[0]).extent;
    return instruction.over == IndexSet::batch ? !operand.has_images() : !operand.has_groups();
}

bool FunctionCode::is_read_beyond(ValueId id, const std::vector<ValueId>& run) const {
    return is_read_by_passes_[id] || std::ranges::any_of(readers_[id], [&](ValueId reader) {
               return std::ranges::find(run, reader) == run.end();
           });
}

/// Values without pixels, in order: loops over those that differ along the same dimensions, and means between them.
void FunctionCode::emit_small(const std::vector<ValueId>& instructions, bool in_block) {
    std::vector<ValueId> run;
    for (const ValueId id : instructions) {
        const bool is_mean = at(id).operation == Operation::mean && !is_copy(id);
        if (!run.empty() && (is_mean || loop_of(at(run.front()).extent) != loop_of(at(id).extent)))
            emit_run(std::exchange(run, {}), in_block);
        if (!is_mean)
            run.push_back(id);
        else if (at(id).over == IndexSet::batch)
            emit_mean_over_batch(id);
        else
            emit_mean_over_channels(id, in_block);
    }
    if (!run.empty()) emit_run(run, in_block);
}

void FunctionCode::emit_run(const std::vector<ValueId>& run, bool in_block) {
    std::vector<Store> stores;
    for (const ValueId id : run)
        if (is_read_beyond(id, run)) stores.push_back({id, table(id) + " = ", ";"});
    emit_loop(loop_of(at(run.front()).extent), run, stores, in_block);
}

void FunctionCode::emit_loop(Loop loop, const std::vector<ValueId>& run, const std::vector<Store>& stores,
                             bool in_block) {
    std::vector<ValueId> results;
    for (const Store& store : stores) results.push_back(store.value);
    Statements statements = write(run, results, /*in_double=*/true);
    for (const auto& [id, start, end] : stores) {
        const Piece& known = statements.pieces[id];
        statements.lines.push_back(start + (known.text.empty() ? read(id, /*in_double=*/true).text : known.text) + end);
    }
    const std::string planes = argument("planes"), images = argument("N"), channels = argument("C");
    const std::string count = loop == Loop::planes ? planes : loop == Loop::images ? images : channels;
    const std::string item = loop == Loop::planes ? "nc" : loop == Loop::images ? "n" : "c";
    if (in_block) {
        if (loop == Loop::images)
            lines().open("for (int n = first / {0}; n < last / {0}{1}; ++n)", channels,
                         is_cuda() ? " && threadIdx.x == 0" : "");
        else if (block_ == Block::plane && !is_cuda())
            lines().open();
        else
            open_items("nc", "first", "last", "threadIdx.x", "blockDim.x");
    } else if (is_cuda()) {
        open_kernel("table", loop == Loop::once ? "1" : "blocks_for(" + count + ")",
                    loop == Loop::once ? 1 : threads_of_block);
        if (loop != Loop::once) {
            lines().line("const int {} = blockIdx.x * blockDim.x + threadIdx.x;", item);
            lines().line("if ({} >= {}) return;", item, count);
        }
    } else if (loop == Loop::once) {
        lines().open();
    } else {
        open_items(item, "0", count, "", "");
    }
    if (loop == Loop::planes) emit_positions(statements.lines, /*plane=*/false);
    for (const std::string& line : statements.lines) lines().line("{}", line);
    lines().close();
}

/// A loop, which in CUDA threads share: one begins at `own`, and goes on by `all`.
void FunctionCode::open_items(const std::string& item, const std::string& begin, const std::string& end,
                              const std::string& own, const std::string& all) {
    if (is_cuda())
        lines().open("for (int {0} = {1}; {0} < {2}; {0} += {3})", item, begin == "0" ? own : begin + " + " + own, end,
                     all);
    else
        lines().open("for (int {0} = {1}; {0} < {2}; ++{0})", item, begin, end);
}

/// The image and the channel of the plane nc, and where it begins, as far as they are used.
void FunctionCode::emit_positions(const std::vector<std::string>& of, bool plane) {
    if (mentions(of, "[n]")) lines().line("const int n = nc / {};", argument("C"));
    if (mentions(of, "[c]")) lines().line("const int c = nc % {};", argument("C"));
    if (plane) lines().line("const size_t plane = (size_t)nc * {};", argument("P"));
}

void FunctionCode::emit_mean_over_batch(ValueId id) {
    const ValueId of = at(id).operands[0];
    const std::string value = read(of, /*in_double=*/true).text, result = table(id);
    const bool by_channel = at(of).extent.has_groups();
    const std::string planes = argument("planes"), images = argument("N"), channels = argument("C");
    const std::string item = by_channel ? "nc" : "n", end = by_channel ? planes : images;
    const std::string first = by_channel ? "c" : "0", step = by_channel ? channels : "1";
    if (is_cuda()) {
        open_kernel("mean", by_channel ? "blocks_for(32 * " + channels + ")" : "1", by_channel ? threads_of_block : 32);
        lines().line("const int lane = threadIdx.x % 32;");
        if (by_channel) {
            lines().line("const int c = (blockIdx.x * blockDim.x + threadIdx.x) / 32;");
            lines().line("if (c >= {}) return;", channels);
        }
        lines().line("double sum = 0;");
        lines().line("for (int {0} = {1} + lane * {2}; {0} < {3}; {0} += 32 * {2}) sum += {4};", item, first, step, end,
                     value);
        lines().line("sum = sum_of_warp(sum);");
        lines().line("if (lane == 0) {} = sum / {};", result, images);
    } else {
        if (by_channel)
            lines().open("for (int c = 0; c < {}; ++c)", channels);
        else
            lines().open();
        lines().line("double sum = 0;");
        lines().line("for (int {0} = {1}; {0} < {3}; {0} += {2}) sum += {4};", item, first, step, end, value);
        lines().line("{} = sum / {};", result, images);
    }
    lines().close();
}

/// A mean over groups of channels, or over all of an image.
void FunctionCode::emit_mean_over_channels(ValueId id, bool in_block) {
    const Extent of = at(at(id).operands[0]).extent;
    const std::string value = read(at(id).operands[0], /*in_double=*/true).text, result = table(id);
    const std::string item = of.has_images() ? "nc" : "c", all = argument(of.has_images() ? "planes" : "C");
    const bool by_group = at(id).over == IndexSet::group;
    const std::string size = argument(by_group ? "of_group" : "C");
    const std::string begin = in_block ? "first" : "0", end = in_block ? "last" : all;
    if (!is_cuda()) {
        lines().open("for (int start = {}; start < {}; start += {})", begin, end, size);
        lines().line("double sum = 0;");
        lines().line("for (int {0} = start; {0} < start + {1}; ++{0}) sum += {2};", item, size, value);
        if (by_group)
            lines().line("for (int {0} = start; {0} < start + {1}; ++{0}) {2} = sum / {1};", item, size, result);
    } else {
        if (in_block) {
            lines().open("for (int start = first + warp * {0}; start < last; start += warps * {0})", size);
        } else {
            open_kernel("mean", "blocks_for(32 * (" + all + " / " + size + "))", threads_of_block);
            lines().line("const int lane = threadIdx.x % 32;");
            lines().line("const int start = (blockIdx.x * blockDim.x + threadIdx.x) / 32 * {};", size);
            lines().line("if (start >= {}) return;", all);
        }
        lines().line("double sum = 0;");
        lines().line("for (int {0} = start + lane; {0} < start + {1}; {0} += 32) sum += {2};", item, size, value);
        lines().line("sum = sum_of_warp(sum);");
        if (by_group)
            lines().line("for (int {0} = start + lane; {0} < start + {1}; {0} += 32) {2} = sum / {1};", item, size,
                         result);
    }
    if (!by_group) {
        if (of.has_images()) lines().line("const int n = start / {};", argument("C"));
        lines().line("{}{} = sum / {};", is_cuda() ? "if (lane == 0) " : "", result, size);
    }
    lines().close();
}

void FunctionCode::open_kernel(const std::string& what, const std::string& blocks, int threads) {
    const std::string name = name_ + "_" + std::to_string(kernel_names_.size() + 1) + "_" + what;
    kernel_names_.push_back(name);
    body_.line("{}<<<{}, {}, 0, stream>>>(a);", name, blocks, threads);
    kernels_.line("");
    kernels_.open("static __global__ void {}(const {}_arguments a)", name, name_);
}

}  // namespace normact::evaluator::standalone
