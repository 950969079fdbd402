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
    T* data() { return data_; }

  private:
    static constexpr std::align_val_t alignment{64};
    T* data_;
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

    std::int64_t lanes() const { return compiled_.lanes_; }
    std::int64_t element_size() const { return static_cast<std::int64_t>(compiled_.element_size_); }
    const void* input(ValueId id) const { return data_.inputs[program_.instructions[id].operands[0]]; }

    /// How many channels a block has: whole groups where groups are to stay together, and of planes as many as stay in
    /// the second-level cache, so that tables are computed for several of them at once.
    std::int64_t block_channels(Block block) const {
        if (block == Block::image) return shape_.channels;
        if (shape_.channels_last)  // planes lie between each other; a few images are shared by more threads
            return block == Block::plane && shape_.images < images_worth_sharing ? lanes() : shape_.channels;
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
            const auto calls = static_cast<std::size_t>(shape_.channels_last ? (width + lanes() - 1) / lanes() : width);
            AlignedArray<float> small(small_values * calls * static_cast<std::size_t>(lanes()));
            AlignedArray<double> sums(plane_means * calls * static_cast<std::size_t>(lanes()));
            for (std::int64_t block = begin; block < end; ++block) {
                const std::int64_t image = block / blocks_an_image, first = block % blocks_an_image * width;
                const Planes planes{image, image + 1, first, std::min(first + width, shape_.channels)};
                for (std::size_t p = 0; p < sweep.passes.size(); ++p) {
                    run_pass(sweep.passes[p], *compiled_.kernels_[s][p], planes, small.data(), sums.data());
                    for (const ValueId id : sweep.passes[p].small_instructions) tables_.compute(id, planes);
                }
            }
        });
    }

    /// Runs a pass over the planes of a block: one after the other in contiguous tensors; in channels_last a few pixels
    /// of all of them, then the next ones, so that memory is read about in its order.
    void run_pass(const Pass& pass, const Kernel& kernel, const Planes& planes, float* small, double* sums) {
        const std::int64_t step = shape_.channels_last ? lanes() : 1;
        const std::int64_t calls = (planes.last_channel - planes.first_channel + step - 1) / step;
        const std::int64_t small_size = static_cast<std::int64_t>(pass.small_values.size()) * lanes();
        const std::int64_t sums_size = static_cast<std::int64_t>(pass.plane_means.size()) * lanes();
        const auto channels_of = [&](std::int64_t call) {
            return std::min(step, planes.last_channel - planes.first_channel - call * step);
        };
        for (std::int64_t i = 0; i < calls; ++i)
            gather(pass, planes.first_image, planes.first_channel + i * step, channels_of(i), small + i * small_size);
        std::fill_n(sums, calls * sums_size, 0.0);
        const std::int64_t chunk = shape_.channels_last ? pixels_at_once : shape_.pixels;
        const bool scattered = shape_.channels_last && planes.last_channel - planes.first_channel == shape_.channels;
        for (std::int64_t pixel = 0; pixel < shape_.pixels; pixel += chunk)
            for (std::int64_t i = 0; i < calls; ++i) {
                if (scattered) prefetch(pass, planes.first_image, pixel + chunk, chunk, i, calls);
                run_kernel(pass, kernel,
                           {planes.first_image, planes.first_channel + i * step, channels_of(i), pixel,
                            std::min(chunk, shape_.pixels - pixel)},
                           small + i * small_size, sums + i * sums_size);
            }
        for (std::int64_t i = 0; i < calls; ++i)
            take_means(pass, planes.first_image, planes.first_channel + i * step, channels_of(i), sums + i * sums_size);
    }

    /// In channels_last a call takes some channels of each pixel, and the processor doesn't foresee that others follow:
    /// the `i`-th of `calls` fetches its share of the pixels that the next calls take. A fetch past the end is ignored.
    void prefetch(const Pass& pass, std::int64_t image, std::int64_t pixel, std::int64_t pixels, std::int64_t i,
                  std::int64_t calls) const {
        const std::int64_t share = (pixels * shape_.channels + calls - 1) / calls;
        const std::int64_t start = (image * shape_.pixels + pixel) * shape_.channels + i * share;
        for (const ValueId id : pass.inputs) fetch<false>(input(id), start * element_size(), share * element_size());
        for (const std::size_t k : pass.outputs)
            fetch<true>(data_.outputs[k], start * element_size(), share * element_size());
    }

    template <bool for_writing>
    static void fetch(const void* tensor, std::int64_t start, std::int64_t bytes) {
        const char* const begin = static_cast<const char*>(tensor) + start;
        for (std::int64_t byte = 0; byte < bytes; byte += bytes_of_a_line)
            __builtin_prefetch(begin + byte, for_writing);
        asm volatile("");  // without it GCC takes this for a function that does nothing
    }

    /// What one call of a kernel takes: pixels of one plane, or of as many planes as a vector has lanes.
    struct Part {
        std::int64_t image, channel, channels, pixel, pixels;
    };

    void run_kernel(const Pass& pass, const Kernel& kernel, const Part& part, const float* small, double* sums) const {
        std::array<const void*, most_tensors> inputs{};
        std::array<void*, most_tensors> outputs{};
        const std::int64_t start = shape_.channels_last
                                       ? (part.image * shape_.pixels + part.pixel) * shape_.channels + part.channel
                                       : (part.image * shape_.channels + part.channel) * shape_.pixels + part.pixel;
        for (std::size_t i = 0; i < pass.inputs.size(); ++i)
            inputs[i] = static_cast<const char*>(input(pass.inputs[i])) + start * element_size();
        for (std::size_t i = 0; i < pass.outputs.size(); ++i)
            outputs[i] = static_cast<char*>(data_.outputs[pass.outputs[i]]) + start * element_size();
        KernelCall call{inputs.data(), outputs.data(), small, sums, 0, 0, 0, 0};
        if (shape_.channels_last) {
            (part.channels == lanes() ? call.whole : call.partial) = part.pixels;
            call.lanes_left = part.channels;
            call.stride = shape_.channels * element_size();
        } else {
            call.whole = part.pixels / lanes();
            call.lanes_left = part.pixels % lanes();
            call.partial = call.lanes_left > 0 ? 1 : 0;
            call.stride = lanes() * element_size();
        }
        kernel.run(call);
    }

    /// The small values of a pass for one plane, or for a vector of planes in channels_last.
    void gather(const Pass& pass, std::int64_t image, std::int64_t channel, std::int64_t channels, float* to) {
        for (const ValueId id : pass.small_values) {
            if (shape_.channels_last && tables_.channel_stride(id) != 0) {
                const double* from = &tables_.at(id, image, channel);
                for (std::int64_t l = 0; l < channels; ++l) to[l] = static_cast<float>(from[l]);
                std::fill(to + channels, to + lanes(), 0.0F);
            } else {
                std::fill_n(to, lanes(), static_cast<float>(tables_.at(id, image, channel)));
            }
            to += lanes();
        }
    }

    void take_means(const Pass& pass, std::int64_t image, std::int64_t channel, std::int64_t channels,
                    const double* sums) {
        const auto pixels = static_cast<double>(shape_.pixels);
        for (const std::size_t k : pass.plane_means) {
            const ValueId id = compiled_.schedule_.factored.plane_means[k].input;
            if (shape_.channels_last) {
                for (std::int64_t l = 0; l < channels; ++l) tables_.at(id, image, channel + l) = sums[l] / pixels;
            } else {
                double sum = 0;
                for (std::int64_t l = 0; l < lanes(); ++l) sum += sums[l];
                tables_.at(id, image, channel) = sum / pixels;
            }
            sums += lanes();
        }
    }

    static constexpr std::int64_t elements_in_cache = 16384, pixels_at_once = 16, images_worth_sharing = 16,
                                  bytes_of_a_line = 64;

    const CompiledProgram& compiled_;
    const Program& program_;
    const TensorShape& shape_;
    const ProgramData& data_;
    const ParallelFor& parallel_for_;
    Tables tables_;
};

CompiledProgram::CompiledProgram(const Program& program, const KernelMaker& maker, ElementType type)
    : schedule_(evaluator::schedule(program)), element_size_(type == ElementType::float32 ? 4 : 2), lanes_(1) {
    for (const Sweep& sweep : schedule_.sweeps) {
        auto& kernels = kernels_.emplace_back();
        for (const Pass& pass : sweep.passes) {
            kernels.push_back(maker.make(pass_code(schedule_, pass), type));
            lanes_ = kernels.back()->lanes();
        }
    }
}

void CompiledProgram::run(const TensorShape& shape, const ProgramData& data, const ParallelFor& parallel_for) const {
    ProgramRun(*this, shape, data, parallel_for).run();
}

}  // namespace normact::evaluator::cpu
