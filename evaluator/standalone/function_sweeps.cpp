// The sweeps of a function, and what it gives beside tensors. Its small values are in function_code.cpp.

#include "evaluator/cuda/small_values.h"
#include "evaluator/standalone/expressions.h"
#include "evaluator/standalone/function_code.h"

namespace normact::evaluator::standalone {
namespace {

using Form = ProgramOutput::Form;

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
    return text;
}

}  // namespace

void FunctionCode::emit_sweep(const Sweep& sweep) {
    block_ = sweep.block;
    if (!is_cuda())
        lines().line("/* Sweep {} of {} over memory{}. */", &sweep - schedule_.sweeps.data() + 1,
                     schedule_.sweeps.size(),
                     sweep.passes.size() == 1 ? ""
                     : block_ == Block::plane ? "; the further passes over a plane find it in the cache"
                     : block_ == Block::group ? "; the further passes over a group of channels find it in the cache"
                                              : "; the further passes over an image find it in the cache");
    const std::string planes = argument("planes"), size = argument(sweep.block == Block::group ? "of_group" : "C");
    if (is_cuda()) {
        const bool plane = sweep.block == Block::plane;
        open_kernel("sweep", plane ? "blocks_for(32 * " + planes + ")" : planes + " / " + size, threads_of_block);
        lines().line("const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, warps = blockDim.x / 32;");
        if (plane) {
            lines().line("const int first = blockIdx.x * warps;");
            lines().line("const int last = first + warps < {} ? first + warps : {};", planes, planes);
        } else {
            lines().line("const int first = blockIdx.x * {}, last = first + {};", size, size);
        }
        emit_passes(sweep);
    } else if (sweep.block == Block::plane) {
        lines().open("for (int nc = 0; nc < planes; ++nc)");
        emit_passes(sweep);
    } else {
        lines().open("for (int first = 0; first < planes; first += {})", size);
        lines().line("const int last = first + {};", size);
        emit_passes(sweep);
    }
    lines().close();
}

void FunctionCode::emit_passes(const Sweep& sweep) {
    for (std::size_t k = 0; k < sweep.passes.size(); ++k) {
        if (k > 0 && is_cuda()) lines().line("__syncthreads();");
        emit_pass(sweep.passes[k], /*alone=*/sweep.passes.size() == 1 && sweep.passes[k].small_instructions.empty());
        const std::vector<ValueId>& small = sweep.passes[k].small_instructions;
        // One after the other, each of which may read what all threads wrote before.
        for (std::size_t i = 0; i < small.size();) {
            std::size_t end = i + 1;
            const auto is_mean = [&](std::size_t j) {
                return at(small[j]).operation == Operation::mean && !is_copy(small[j]);
            };
            while (end < small.size() && !is_mean(i) && !is_mean(end) &&
                   loop_of(at(small[i]).extent) == loop_of(at(small[end]).extent))
                ++end;
            if (is_cuda()) lines().line("__syncthreads();");
            emit_small(
                {small.begin() + static_cast<std::ptrdiff_t>(i), small.begin() + static_cast<std::ptrdiff_t>(end)},
                /*in_block=*/true);
            i = end;
        }
    }
}

void FunctionCode::emit_pass(const Pass& pass, bool alone) {
    std::vector<ValueId> results;
    for (const std::size_t k : pass.plane_means) results.push_back(schedule_.factored.plane_means[k].of);
    for (const std::size_t k : pass.outputs) results.push_back(program().outputs[k].value);
    const Statements statements = write(pass.instructions, results, /*in_double=*/false);
    const auto result = [&](ValueId id) {
        if (!statements.pieces[id].text.empty()) return statements.pieces[id].text;
        if (at(id).operation == Operation::constant) return literal(at(id).number, /*in_double=*/false).text;
        return at(id).extent.has_pixels() ? cuda::parameter_name(program().inputs[at(id).operands[0]].name) + "_p"
                                          : scalar(id);
    };
    std::vector<std::string> scalars, sums, means;
    for (const ValueId id : pass.small_values)
        scalars.push_back(scalar(id) + " = " + read(id, /*in_double=*/false).text);
    for (std::size_t i = 0; i < pass.plane_means.size(); ++i) {
        sums.push_back("sum" + std::to_string(i) + " = 0");
        means.push_back(table(schedule_.factored.plane_means[pass.plane_means[i]].input) + " = sum" +
                        std::to_string(i) + " / " + argument("P") + ";");
    }
    const bool is_loop = block_ != Block::plane || is_cuda();  // or stands in one already
    if (is_loop)
        open_items("nc", "first", "last", "warp", "warps");
    else if (!alone)
        lines().open();
    emit_positions(scalars, /*plane=*/!pass.inputs.empty() || !pass.outputs.empty());
    for (const std::string& one : scalars) lines().line("const float {};", one);
    if (!sums.empty()) lines().line("double {};", joined(sums));
    open_items("p", "0", argument("P"), "lane", "32");
    for (const ValueId id : pass.inputs) {
        const std::string name = cuda::parameter_name(program().inputs[at(id).operands[0]].name);
        lines().line("const float {}_p = {}[plane + p];", name, argument(name));
    }
    for (const std::string& line : statements.lines) lines().line("{}", line);
    for (std::size_t i = 0; i < pass.plane_means.size(); ++i)
        lines().line("sum{} += {};", i, result(schedule_.factored.plane_means[pass.plane_means[i]].of));
    for (const std::size_t k : pass.outputs)
        lines().line("{}[plane + p] = {};", argument(cuda::parameter_name(program().outputs[k].name)),
                     result(program().outputs[k].value));
    lines().close();
    for (std::size_t i = 0; i < means.size(); ++i) {
        if (is_cuda()) lines().line("sum{} = sum_of_warp(sum{});", i, i);
        lines().line("{}{}", is_cuda() ? "if (lane == 0) " : "", means[i]);
    }
    if (is_loop || !alone) lines().close();
}

/// What is no tensor: gradients of parameters, moving averages, moments that backward needs.
void FunctionCode::emit_outputs(const Program& original) {
    for (const Loop loop : {Loop::once, Loop::images, Loop::channels, Loop::planes}) {
        std::vector<Store> stores;
        for (std::size_t k = 0; k < original.outputs.size(); ++k) {
            const ProgramOutput& output = program().outputs[k];
            const Extent extent = original.instructions[original.outputs[k].value].extent;
            const bool by_channel = output.form == Form::batch_sum || output.name.starts_with("statistic");
            if (output.form == Form::tensor || (by_channel ? Loop::channels : loop_of(extent)) != loop) continue;
            if (output.form == Form::batch_sum) {
                stores.push_back({output.value,
                                  argument(cuda::parameter_name(output.name)) + "[c] = (float)((double)" +
                                      argument("N") + " * " + argument("P") + " * (",
                                  "));"});
            } else if (output.name.starts_with("statistic")) {
                const std::string average = argument("average" + cuda::parameter_name(output.name.substr(9))) + "[c]";
                stores.push_back({output.value, average + " = (float)(0.9 * " + average + " + 0.1 * (", "));"});
            } else {
                stores.push_back(
                    {output.value, argument(cuda::parameter_name(output.name)) + "[" + index_of(extent) + "] = ", ";"});
            }
        }
        if (!stores.empty()) emit_loop(loop, {}, stores, /*in_block=*/false);
    }
}

}  // namespace normact::evaluator::standalone
