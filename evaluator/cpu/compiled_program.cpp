#include "evaluator/cpu/compiled_program.h"

#include "evaluator/cpu/tables.h"

#include <algorithm>
#include <array>
#include <new>
#include <numeric>
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

/// What kernels of a thread read and add to, for as many planes as a block has.
struct Scratch {
    Scratch(std::size_t small_size, std::size_t sums_size) : small(small_size), sums(sums_size), row_sums(sums_size) {
        std::fill_n(row_sums.data(), sums_size, 0.0F);
    }

    AlignedArray<float> small;
    AlignedArray<double> sums;
    AlignedArray<float> row_sums;
};

}  // namespace

std::int64_t table_size(Extent extent, const TensorShape& shape) {
    return (extent.has_images() ? shape.images : 1) * (extent.has_groups() ? shape.channels : 1);
}

/// One run of a compiled program.
class ProgramRun {
  public:
    ProgramRun(const CompiledProgram& compiled, const TensorShape& shape, const ProgramData& data,
               const ParallelFor& parallel_for)
        : compiled_(compiled),
          program_(compiled.schedule_.program()),
          shape_(shape),
          data_(data),
          parallel_for_(parallel_for),
          lanes_(compiled.maker_.lanes()),
          kernels_(compiled.kernels(shape.channels_last ? Layout::channels_last : Layout::contiguous)),
          tables_(program_, shape, padded(data.inputs, program_.inputs.size())) {}

    void run() {
        const std::vector<Sweep>& sweeps = compiled_.schedule_.sweeps;
        const Planes all{0, shape_.images, 0, shape_.channels};
        for (std::size_t s = 0; s < sweeps.size(); ++s) {
            for (const ValueId id : sweeps[s].small_before) tables_.compute(id, all);
            run_sweep(s);
        }
        for (const ValueId id : compiled_.schedule_.small_after) tables_.compute(id, all);
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

    std::int64_t element_size() const { return bytes_of(compiled_.type_); }

    /// How many columns of small values and sums so many planes have: one each, or one for a vector of them.
    std::int64_t columns_of(std::int64_t channels) const {
        return shape_.channels_last ? (channels + lanes_ - 1) / lanes_ : channels;
    }

    /// How many channels a block has: whole groups where groups are to stay together, and of planes as many as stay in
    /// the second-level cache, so that tables are computed for several of them at once.
    std::int64_t block_channels(Block block) const {
        if (block == Block::image) return shape_.channels;
        if (shape_.channels_last)  // planes lie between each other; a few images are shared by more threads
            return block == Block::plane && shape_.images < images_worth_sharing ? lanes_ : shape_.channels;
        const std::int64_t unit = block == Block::plane ? 1 : shape_.channels / shape_.groups;
        return std::clamp(elements_in_cache / shape_.pixels / unit * unit, unit, shape_.channels);
    }

    void run_sweep(std::size_t s) {
        const Sweep& sweep = compiled_.schedule_.sweeps[s];
        const std::int64_t width = block_channels(sweep.block);
        const std::int64_t blocks_an_image = (shape_.channels + width - 1) / width;
        std::size_t small_values = 0, plane_means = 0;
        for (const Pass& pass : sweep.passes) {
            small_values = std::max(small_values, pass.small_values.size());
            plane_means = std::max(plane_means, pass.plane_means.size());
        }
        parallel_for_(shape_.images * blocks_an_image, [&](std::int64_t begin, std::int64_t end) {
            const auto size = static_cast<std::size_t>(columns_of(width) * lanes_);
            const Scratch scratch(small_values * size, plane_means * size);
            for (std::int64_t block = begin; block < end; ++block) {
                const std::int64_t image = block / blocks_an_image, first = block % blocks_an_image * width;
                const Planes planes{image, image + 1, first, std::min(first + width, shape_.channels)};
                for (std::size_t p = 0; p < sweep.passes.size(); ++p) {
                    run_pass(sweep.passes[p], *kernels_[s][p], planes, scratch);
                    for (const ValueId id : sweep.passes[p].small_instructions) tables_.compute(id, planes);
                }
            }
        });
    }

    /// Runs a pass over the planes of a block: one after the other in contiguous tensors, all at once in channels_last.
    void run_pass(const Pass& pass, const Kernel& kernel, const Planes& planes, const Scratch& scratch) {
        const std::int64_t image = planes.first_image, channels = planes.last_channel - planes.first_channel;
        const std::int64_t step = shape_.channels_last ? lanes_ : 1, columns = columns_of(channels);
        const std::int64_t small_size = static_cast<std::int64_t>(pass.small_values.size()) * lanes_;
        const std::int64_t sums_size = static_cast<std::int64_t>(pass.plane_means.size()) * lanes_;
        float* const small = scratch.small.data();
        double* const sums = scratch.sums.data();
        const auto for_each_column = [&](const auto& function) {
            for (std::int64_t i = 0; i < columns; ++i)
                function(i, planes.first_channel + i * step, std::min(step, channels - i * step));
        };
        for_each_column([&](std::int64_t i, std::int64_t channel, std::int64_t count) {
            gather(pass, image, channel, count, small + i * small_size);
        });
        std::fill_n(sums, columns * sums_size, 0.0);
        if (shape_.channels_last) {
            const std::int64_t start = image * shape_.pixels * shape_.channels + planes.first_channel;
            run_kernel(pass, kernel, start,
                       {.small_values = small,
                        .sums = sums,
                        .row_sums = scratch.row_sums.data(),
                        .rows = shape_.pixels,
                        .columns = channels / lanes_,
                        .lanes_left = channels % lanes_,
                        .gap = (shape_.channels - channels / lanes_ * lanes_) * element_size()});
        } else {
            for_each_column([&](std::int64_t i, std::int64_t channel, std::int64_t) {
                run_kernel(pass, kernel, (image * shape_.channels + channel) * shape_.pixels,
                           {.small_values = small + i * small_size,
                            .sums = sums + i * sums_size,
                            .rows = 1,
                            .columns = shape_.pixels / lanes_,
                            .lanes_left = shape_.pixels % lanes_});
            });
        }
        for_each_column([&](std::int64_t i, std::int64_t channel, std::int64_t count) {
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

    /// The small values of a pass for one plane, or for a vector of planes in channels_last.
    void gather(const Pass& pass, std::int64_t image, std::int64_t channel, std::int64_t channels, float* to) {
        for (const ValueId id : pass.small_values) {
            if (shape_.channels_last && tables_.channel_stride(id) != 0) {
                const double* from = &tables_.at(id, image, channel);
                for (std::int64_t l = 0; l < channels; ++l) to[l] = static_cast<float>(from[l]);
                std::fill(to + channels, to + lanes_, 0.0F);
            } else {
                std::fill_n(to, lanes_, static_cast<float>(tables_.at(id, image, channel)));
            }
            to += lanes_;
        }
    }

    void take_means(const Pass& pass, std::int64_t image, std::int64_t channel, std::int64_t channels,
                    const double* sums) {
        const double share = 1 / static_cast<double>(shape_.pixels);
        for (const std::size_t k : pass.plane_means) {
            double* const to = &tables_.at(compiled_.schedule_.factored.plane_means[k].input, image, channel);
            if (shape_.channels_last)
                std::transform(sums, sums + channels, to, [share](double sum) { return sum * share; });
            else
                *to = std::accumulate(sums, sums + lanes_, 0.0) * share;
            sums += lanes_;
        }
    }

    static constexpr std::int64_t elements_in_cache = 16384, images_worth_sharing = 16;

    const CompiledProgram& compiled_;
    const Program& program_;
    const TensorShape& shape_;
    const ProgramData& data_;
    const ParallelFor& parallel_for_;
    const std::int64_t lanes_;
    const CompiledProgram::Kernels& kernels_;
    Tables tables_;
};

CompiledProgram::CompiledProgram(const Program& program, const KernelMaker& maker, ElementType type)
    : schedule_(evaluator::schedule(program)), maker_(maker), type_(type) {}

const CompiledProgram::Kernels& CompiledProgram::kernels(Layout layout) const {
    const auto which = static_cast<std::size_t>(layout);
    std::call_once(once_[which], [&] {
        for (const Sweep& sweep : schedule_.sweeps) {
            auto& kernels = kernels_[which].emplace_back();
            for (const Pass& pass : sweep.passes)
                kernels.push_back(maker_.make(pass_code(schedule_, pass), type_, layout));
        }
    });
    return kernels_[which];
}

void CompiledProgram::run(const TensorShape& shape, const ProgramData& data, const ParallelFor& parallel_for) const {
    ProgramRun(*this, shape, data, parallel_for).run();
}

}  // namespace normact::evaluator::cpu
