#include "evaluator/cuda/program_source.h"

#include "evaluator/cuda/prelude.h"
#include "evaluator/cuda/small_values.h"
#include "evaluator/cuda/sweep_code.h"
#include "evaluator/cuda/table_code.h"
#include "evaluator/lines.h"

#include <algorithm>

namespace normact::evaluator::cuda {
namespace {

class Emission {
  public:
    Emission(const Schedule& schedule, const Variant& variant)
        : schedule_(schedule),
          variant_(variant),
          values_(schedule),
          reads_(reads_of_small_values(schedule)),
          tables_(schedule, values_, reads_, lines_) {}

    ProgramSource run() {
        for (std::size_t s = 0; s < schedule_.sweeps.size(); ++s) {
            emit_stages(fmt::format("tables_{}", s), schedule_.sweeps[s].small_before);
            emit_sweep(s);
        }
        emit_last();
        return {prelude(variant_.type), std::move(kernels_)};
    }

  private:
    const Program& program() const { return schedule_.program(); }

    /// `blocks`: how many of them a processor of the GPU is to run at once. Without that number ptxas spills.
    void open_kernel(KernelSource kernel, int threads, int blocks) {
        std::string parameters;
        for (std::size_t i = 0; i < program().inputs.size(); ++i) {
            const ProgramInput& input = program().inputs[i];
            if (is_plane_mean(i)) continue;
            parameters += fmt::format("const {}* __restrict__ {}, ",
                                      input.extent.has_pixels() ? "Element"
                                      : input.saved             ? "double"
                                                                : "float",
                                      parameter_name(input.name));
        }
        for (const ProgramOutput& output : program().outputs) {
            using Form = ProgramOutput::Form;
            parameters += fmt::format("{}* __restrict__ {}, ",
                                      output.form == Form::tensor  ? "Element"
                                      : output.form == Form::table ? "double"
                                                                   : "float",
                                      parameter_name(output.name));
        }
        lines_.line("extern \"C\" __global__ void __launch_bounds__({}, {})", threads, blocks);
        lines_.open(
            "{}({}double* __restrict__ program_tables, int images, int channels, int pixels, int groups, "
            "int channels_of_block, double per_image, double per_channel, double per_pixel)",
            kernel.name, parameters);
        const SmallValues::Sizes& sizes = values_.sizes();
        std::string before = fmt::format("program_tables + {}", sizes.of_program);
        const auto table = [&](const char* name, int tables, const char* size) {
            if (tables == 0) return;
            lines_.line("double* const {}_tables = {};", name, before);
            before = fmt::format("{}_tables + (Index){} * {}", name, tables, size);
        };
        table("channel", sizes.of_channels, "channels");
        table("image", sizes.of_images, "images");
        table("plane", sizes.of_planes, "");
        kernels_.push_back(std::move(kernel));
    }

    void close_kernel() {
        lines_.close();
        kernels_.back().text = lines_.take();
    }

    bool is_plane_mean(std::size_t input) const {
        return std::ranges::any_of(schedule_.factored.plane_means, [&](const PlaneMean& mean) {
            return program().instructions[mean.input].operands[0] == input;
        });
    }

    void emit_stages(const std::string& name, const std::vector<ValueId>& instructions) {
        std::size_t number = 0;
        for (const TableStage& stage : table_stages(program(), instructions)) {
            open_stage(fmt::format("{}_{}", name, number++), stage);
            tables_.emit(stage.loop, stage.instructions);
            close_kernel();
        }
    }

    void open_stage(const std::string& name, const TableStage& stage) {
        const Share share = stage.alone ? Share::all : stage.loop == Loop::channels ? Share::image : Share::channels;
        const std::int64_t of_warps = std::ssize(stage.instructions) * table_threads / 32;
        open_kernel({.name = name, .share = share, .sums_size = std::max<std::int64_t>(table_threads, of_warps)},
                    table_threads, 1);
        if (stage.loop == Loop::channels) {
            lines_.line("const int n = blockIdx.x, first = 0, last = channels;");
        } else {
            lines_.line("const int own = blockIdx.x * {} + threadIdx.x % {};", table_channels, table_channels);
            lines_.line("const bool active = own < {};", stage.alone ? "1" : "channels");
            lines_.line("const int c = active ? own : 0;");
        }
    }

    void emit_sweep(std::size_t s) {
        const Sweep& sweep = schedule_.sweeps[s];
        open_kernel({.name = fmt::format("sweep_{}", s), .share = Share::planes, .sweep = s},
                    variant_.threads(sweep.block), sweep.block == Block::image ? 1 : 2);
        lines_.line("const int blocks_of_image = (channels + channels_of_block - 1) / channels_of_block;");
        // The other way round from sweep to sweep: what the one before touched last may still be in the cache.
        lines_.line("const int block = {};", s % 2 == 0 ? "blockIdx.x" : "gridDim.x - 1 - blockIdx.x");
        lines_.line("const int n = block / blocks_of_image, first = block % blocks_of_image * channels_of_block;");
        lines_.line("const int last = first + channels_of_block < channels ? first + channels_of_block : channels;");
        SweepCode code(schedule_, sweep, values_, variant_, lines_);
        code.emit_positions();
        for (std::size_t p = 0; p < sweep.passes.size(); ++p) {
            if (p > 0) lines_.line("__syncthreads();");
            lines_.open();
            code.emit(sweep.passes[p]);
            lines_.close();
            if (sweep.passes[p].small_instructions.empty()) continue;
            lines_.line("__syncthreads();");
            lines_.open();
            tables_.emit(Loop::channels, sweep.passes[p].small_instructions);
            lines_.close();
        }
        close_kernel();
    }

    /// Behind the last sweep.
    void emit_last() {
        emit_stages("tables_after", schedule_.small_after);
        if (std::ranges::none_of(program().outputs,
                                 [&](const ProgramOutput& output) { return is_written_last(output); }))
            return;
        open_stage("outputs", {Loop::images, /*alone=*/false, {}});
        write_outputs();
        close_kernel();
    }

    bool is_written_last(const ProgramOutput& output) const {
        return output.form != ProgramOutput::Form::tensor && !values_.is_written_with_value(output);
    }

    void write_outputs() {
        lines_.open("if (active && threadIdx.x < {})", table_channels);
        for (const ProgramOutput& output : program().outputs) {
            if (!is_written_last(output)) continue;
            const std::string name = parameter_name(output.name), value = values_.read(output.value);
            if (output.form == ProgramOutput::Form::batch_sum)
                lines_.line("{}[c] = (float)({} * images * pixels);", name, value);
            else
                lines_.line("{}[{}] = {};", name, table_index(program().instructions[output.value].extent), value);
        }
        lines_.close();
    }

    const Schedule& schedule_;
    const Variant& variant_;
    SmallValues values_;
    std::vector<int> reads_;
    Lines lines_;
    TableCode tables_;
    std::vector<KernelSource> kernels_;
};

}  // namespace

std::string ProgramSource::text() const {
    std::string all = prelude;
    for (const KernelSource& kernel : kernels) all += "\n" + kernel.text;
    return all;
}

ProgramSource program_source(const Schedule& schedule, const Variant& variant) {
    return Emission(schedule, variant).run();
}

Launch launch_of(const KernelSource& kernel, const Schedule& schedule, const Variant& variant,
                 const TensorShape& shape) {
    const std::int64_t table_bytes = kernel.sums_size * std::int64_t{sizeof(double)};
    switch (kernel.share) {
        case Share::planes: {
            const Sweep& sweep = schedule.sweeps[kernel.sweep];
            const std::int64_t channels = channels_of_block(sweep.block, variant, shape);
            return {shape.images * ((shape.channels + channels - 1) / channels), variant.threads(sweep.block),
                    shared_bytes(schedule, sweep, variant, shape), channels};
        }
        case Share::image:
            return {shape.images, table_threads, table_bytes, 0};
        case Share::channels:
            return {(shape.channels + table_channels - 1) / table_channels, table_threads, table_bytes, 0};
        case Share::all:
            break;
    }
    return {1, table_threads, table_bytes, 0};
}

}  // namespace normact::evaluator::cuda
