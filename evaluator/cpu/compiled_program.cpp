#include "evaluator/cpu/compiled_program.h"

#include "evaluator/cpu/tables.h"

#include <algorithm>
#include <array>
#include <new>
#include <utility>

namespace normact::evaluator::cpu {
namespace {

/// Scratch memory of a thread, aligned for any vector.
template <typename T>
class AlignedArray {
  public:
    explicit AlignedArray(std::size_t size)
        : data_(static_cast<T*>(::operator new(std::max<std::size_t>(size, 1) * sizeof(T), alignment))) {}
    ~AlignedArray() { ::operator delete(data_, alignment); }
    AlignedArray(const AlignedArray&) = delete;
    AlignedArray& operator=(const AlignedArray&) = delete;
    T* data() const { return data_; }

  private:
    static constexpr std::align_val_t alignment{64};
    T* data_;
};

/// How many numbers the passes of a sweep keep of a block.
std::size_t kept_of_block(const Sweep& sweep, const Blocks& blocks, std::int64_t lanes) {
    return sweep.kept.size() * static_cast<std::size_t>(blocks.vectors() * lanes);
}

/// How many small values all passes of a sweep read.
std::size_t small_values_of(const Sweep& sweep) {
    std::size_t all = 0;
    for (const Pass& pass : sweep.passes) all += pass.small_values.size();
    return all;
}

/// How many sums the pass with most of them has.
std::size_t most_sums_of(const Sweep& sweep) {
    std::size_t most = 0;
    for (const Pass& pass : sweep.passes) most = std::max(most, pass.plane_means.size());
    return most;
}

/// What kernels of a thread read, add to and keep, for the columns of one block.
struct Scratch {
    Scratch(const Sweep& sweep, const Blocks& blocks, std::int64_t lanes)
        : columns(static_cast<std::size_t>(blocks.columns())),
          sums_size(columns * most_sums_of(sweep) * static_cast<std::size_t>(lanes)),
          small(columns * small_values_of(sweep) * static_cast<std::size_t>(lanes)),
          sums(sums_size),
          row_sums(sums_size),
          kept(kept_of_block(sweep, blocks, lanes)) {
        std::fill_n(row_sums.data(), sums_size, 0.0F);
    }

    std::size_t columns, sums_size;
    AlignedArray<float> small;  ///< of each pass in turn
    AlignedArray<double> sums;
    AlignedArray<float> row_sums, kept;
};

/// Whether what the schedule keeps of each block stays in a cache of usual size.
bool may_keep(const CompiledSchedule& compiled, const TensorShape& shape) {
    constexpr std::size_t bytes_in_cache = 1 << 20;
    return std::ranges::all_of(compiled.schedule().sweeps, [&](const Sweep& sweep) {
        const Blocks blocks(sweep.block, shape, compiled.lanes());
        return kept_of_block(sweep, blocks, compiled.lanes()) * sizeof(float) <= bytes_in_cache;
    });
}

/// The sum of the lanes of a vector, in chains of which none waits for another.
double sum_of(const double* vector, std::int64_t lanes) {
    std::array<double, 4> chains{};
    std::int64_t l = 0;
    for (; l + 4 <= lanes; l += 4)
        for (std::size_t i = 0; i < 4; ++i) chains[i] += vector[l + static_cast<std::int64_t>(i)];
    for (; l < lanes; ++l) chains[0] += vector[l];
    return (chains[0] + chains[1]) + (chains[2] + chains[3]);
}

/// One run of a compiled program.
class ProgramRun {
  public:
    ProgramRun(const CompiledSchedule& compiled, const TensorShape& shape, const ProgramData& data,
               const ParallelFor& parallel_for)
        : compiled_(compiled),
          schedule_(compiled.schedule()),
          program_(schedule_.program()),
          shape_(shape),
          data_(data),
          parallel_for_(parallel_for),
          lanes_(compiled.lanes()),
          one_column_(shape.channels_last && shape.channels == lanes_),
          kernels_(compiled.kernels(shape.channels_last && !one_column_ ? Layout::channels_last : Layout::contiguous)),
          tables_(program_, shape, padded(data.inputs, program_.inputs.size()), data.tables) {}

    void run() {
        const std::vector<Sweep>& sweeps = schedule_.sweeps;
        const Planes all{0, shape_.images, 0, shape_.channels};
        for (std::size_t s = 0; s < sweeps.size(); ++s) {
            for (const ValueId id : sweeps[s].small_before) tables_.compute(id, all);
            run_sweep(s);
        }
        for (const ValueId id : schedule_.small_after) tables_.compute(id, all);
        for (std::size_t k = 0; k < program_.outputs.size(); ++k) {
            const ProgramOutput& output = program_.outputs[k];
            if (output.form == ProgramOutput::Form::table)
                tables_.copy_to(output.value, static_cast<double*>(data_.outputs[k]));
            else if (output.form == ProgramOutput::Form::batch_sum)
                copy_sum(output.value, static_cast<float*>(data_.outputs[k]));
        }
    }

  private:
    static std::vector<const void*> padded(std::vector<const void*> inputs, std::size_t size) {
        inputs.resize(size);  // plane means stand behind the inputs of the user
        return inputs;
    }

    /// The mean over batch times the number of elements, for each channel.
    void copy_sum(ValueId id, float* to) const {
        const auto elements = static_cast<double>(shape_.images * shape_.pixels);
        for (std::int64_t c = 0; c < shape_.channels; ++c) to[c] = static_cast<float>(tables_.at(id, 0, c) * elements);
    }

    std::int64_t element_size() const { return bytes_of(compiled_.type()); }

    void run_sweep(std::size_t s) {
        const Sweep& sweep = schedule_.sweeps[s];
        const Blocks blocks(sweep.block, shape_, lanes_);
        parallel_for_(blocks.count(), blocks.elements(), [&](std::int64_t begin, std::int64_t end) {
            const Scratch scratch(sweep, blocks, lanes_);
            Planes before{-1, -1, -1, -1};
            for (std::int64_t block = begin; block < end; ++block) {
                const Planes planes = blocks.planes(block);
                float* small = scratch.small.data();
                for (std::size_t p = 0; p < sweep.passes.size(); ++p) {
                    const Pass& pass = sweep.passes[p];
                    gather(pass, planes, /*other_channels=*/planes.first_channel != before.first_channel, small);
                    run_pass(pass, *kernels_[s][p], planes, scratch, small);
                    small += scratch.columns * pass.small_values.size() * static_cast<std::size_t>(lanes_);
                    for (const ValueId id : pass.small_instructions) tables_.compute(id, planes);
                }
                before = planes;
            }
        });
    }

    /// Calls function(channel, count, column) for each column of a block: a plane, or in channels_last a vector of
    /// them.
    template <typename Function>
    void for_each_column(const Planes& planes, const Function& function) const {
        const std::int64_t step = shape_.channels_last ? lanes_ : 1;
        std::int64_t column = 0;
        for (std::int64_t c = planes.first_channel; c < planes.last_channel; c += step)
            function(c, std::min(step, planes.last_channel - c), column++);
    }

    /// Runs a pass over the planes of a block.
    void run_pass(const Pass& pass, const Kernel& kernel, const Planes& planes, const Scratch& scratch,
                  const float* small) {
        const std::int64_t image = planes.first_image, channels = planes.last_channel - planes.first_channel;
        const std::int64_t sums_size = std::ssize(pass.plane_means) * lanes_;
        double* const sums = scratch.sums.data();
        std::fill_n(sums, static_cast<std::int64_t>(scratch.columns) * sums_size, 0.0);
        // A row is a plane; in channels_last it is a pixel, or all pixels where each is one vector.
        std::int64_t rows = channels, length = shape_.pixels, pitch = length;
        if (one_column_)
            rows = 1, length = pitch = shape_.pixels * lanes_;
        else if (shape_.channels_last)
            rows = shape_.pixels, length = channels, pitch = shape_.channels;
        const std::int64_t whole = length / lanes_;
        const std::int64_t plane = shape_.channels_last ? 1 : shape_.pixels;
        run_kernel(pass, kernel, image * shape_.pixels * shape_.channels + planes.first_channel * plane,
                   {.small_values = small,
                    .sums = sums,
                    .row_sums = scratch.row_sums.data(),
                    .kept = scratch.kept.data(),
                    .rows = rows,
                    .columns = whole,
                    .lanes_left = length % lanes_,
                    .gap = (pitch - whole * lanes_) * element_size()});
        for_each_column(planes, [&](std::int64_t channel, std::int64_t count, std::int64_t i) {
            take_means(pass, image, channel, count, sums + i * sums_size);
        });
    }

    /// `start`: the element of each tensor that the call begins at.
    void run_kernel(const Pass& pass, const Kernel& kernel, std::int64_t start, KernelCall call) const {
        std::array<const void*, most_tensors> inputs{};
        std::array<void*, most_tensors> outputs{};
        for (std::size_t i = 0; i < pass.inputs.size(); ++i) {
            const Instruction& load = program_.instructions[pass.inputs[i]];
            inputs[i] = static_cast<const char*>(data_.inputs[load.operands[0]]) + start * element_size();
        }
        for (std::size_t i = 0; i < pass.outputs.size(); ++i)
            outputs[i] = static_cast<char*>(data_.outputs[pass.outputs[i]]) + start * element_size();
        call.inputs = inputs.data();
        call.outputs = outputs.data();
        kernel.run(call);
    }

    /// The small values of a pass for the columns of a block. What images share has its place from the block before, if
    /// that was one of the same channels.
    void gather(const Pass& pass, const Planes& planes, bool other_channels, float* to) {
        const std::int64_t size = std::ssize(pass.small_values) * lanes_;
        for (const ValueId id : pass.small_values) {
            if (other_channels || program_.instructions[id].extent.has_images())
                for_each_column(planes, [&](std::int64_t channel, std::int64_t count, std::int64_t column) {
                    gather(id, planes.first_image, channel, count, to + column * size);
                });
            to += lanes_;
        }
    }

    void gather(ValueId id, std::int64_t image, std::int64_t channel, std::int64_t channels, float* to) {
        if (!shape_.channels_last || tables_.channel_stride(id) == 0) {
            std::fill_n(to, lanes_, static_cast<float>(tables_.at(id, image, channel)));
            return;
        }
        const double* from = &tables_.at(id, image, channel);
        for (std::int64_t l = 0; l < channels; ++l) to[l] = static_cast<float>(from[l]);
        std::fill(to + channels, to + lanes_, 0.0F);
    }

    void take_means(const Pass& pass, std::int64_t image, std::int64_t channel, std::int64_t channels,
                    const double* sums) {
        const double share = 1 / static_cast<double>(shape_.pixels);
        for (const std::size_t k : pass.plane_means) {
            double* const to = &tables_.at(schedule_.factored.plane_means[k].input, image, channel);
            if (shape_.channels_last)
                std::transform(sums, sums + channels, to, [share](double sum) { return sum * share; });
            else
                *to = sum_of(sums, lanes_) * share;
            sums += lanes_;
        }
    }

    const CompiledSchedule& compiled_;
    const Schedule& schedule_;
    const Program& program_;
    const TensorShape& shape_;
    const ProgramData& data_;
    const ParallelFor& parallel_for_;
    const std::int64_t lanes_;
    const bool one_column_;  ///< in channels_last, of each pixel: then pixels are as good as the vectors of one plane
    const CompiledSchedule::Kernels& kernels_;
    Tables tables_;
};

}  // namespace

void run(const CompiledSchedule& compiled, const TensorShape& shape, const ProgramData& data,
         const ParallelFor& parallel_for) {
    ProgramRun(compiled, shape, data, parallel_for).run();
}

CompiledProgram::CompiledProgram(const Program& program, const KernelMaker& maker, ElementType type)
    : program_(program), maker_(maker), keeping_(schedule(program, Reuse::keep), maker, type) {}

const CompiledSchedule& CompiledProgram::schedule_for(const TensorShape& shape) const {
    if (may_keep(keeping_, shape)) return keeping_;
    std::call_once(once_, [this] {
        computing_again_ =
            std::make_unique<const CompiledSchedule>(schedule(program_, Reuse::compute_again), maker_, keeping_.type());
    });
    return *computing_again_;
}

}  // namespace normact::evaluator::cpu
