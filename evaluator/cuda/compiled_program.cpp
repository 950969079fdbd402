#include "evaluator/cuda/compiled_program.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <stdexcept>
#include <utility>

namespace normact::evaluator::cuda {
namespace {

/// The largest power of two, 16 at most, that divides the addresses of all tensors.
std::int64_t alignment_of(const Program& program, const ProgramData& data) {
    std::uintptr_t addresses = 16;
    for (std::size_t i = 0; i < data.inputs.size(); ++i)
        if (program.inputs[i].extent.has_pixels()) addresses |= std::bit_cast<std::uintptr_t>(data.inputs[i]);
    for (std::size_t k = 0; k < data.outputs.size(); ++k)
        if (program.outputs[k].form == ProgramOutput::Form::tensor)
            addresses |= std::bit_cast<std::uintptr_t>(data.outputs[k]);
    return std::int64_t{1} << std::countr_zero(addresses);
}

std::vector<KernelCode> code_of(const ProgramSource& source) {
    std::vector<KernelCode> kernels;
    kernels.reserve(source.kernels.size());
    for (const KernelSource& kernel : source.kernels) kernels.push_back({kernel.name, source.text(kernel)});
    return kernels;
}

/// Kernels count pixels, and the blocks of a sweep, in int.
void check_size(const TensorShape& shape) {
    constexpr std::int64_t most = std::int64_t{1} << 30;
    if (shape.pixels > most || shape.images * shape.channels > most)
        throw std::invalid_argument("the engine cuda takes at most 2^30 pixels, and images times channels");
}

}  // namespace

CompiledProgram::CompiledProgram(Program program, ElementType type, std::shared_ptr<const KernelLoader> loader)
    : program_(std::move(program)),
      type_(type),
      schedule_(schedule(program_, Reuse::compute_again)),
      tables_(SmallValues(schedule_).sizes()),
      loader_(std::move(loader)) {}

void CompiledProgram::run(const TensorShape& shape, const ProgramData& data, int device, void* stream) const {
    check_size(shape);
    const Variant variant = variant_for(schedule_, shape, type_, alignment_of(program_, data));
    const Loaded& kernels = loaded(variant, device);
    for (std::size_t k = 0; k < kernels.modules.size(); ++k) {
        const KernelSource& kernel = kernels.source.kernels[k];
        const Launch launch = launch_of(kernel, schedule_, variant, shape);
        const KernelArguments arguments(data, shape, launch);
        kernels.modules[k]->launch(kernel.name, launch.blocks, launch.threads, launch.shared_bytes, stream,
                                   arguments.places());
    }
}

void CompiledProgram::prepare(const TensorShape& shape) const {
    constexpr std::int64_t alignment = 16;
    loader_->prepare(code_of(program_source(schedule_, variant_for(schedule_, shape, type_, alignment))));
}

const CompiledProgram::Loaded& CompiledProgram::loaded(const Variant& variant, int device) const {
    const std::scoped_lock lock(mutex_);
    const auto found = std::ranges::find_if(
        loaded_, [&](const auto& other) { return other->device == device && other->variant == variant; });
    if (found != loaded_.end()) return **found;
    ProgramSource source = program_source(schedule_, variant);
    auto modules = loader_->load(code_of(source));
    loaded_.push_back(std::make_unique<const Loaded>(Loaded{device, variant, std::move(source), std::move(modules)}));
    return *loaded_.back();
}

KernelArguments::KernelArguments(const ProgramData& data, const TensorShape& shape, const Launch& launch)
    : pointers_(data.inputs),
      sizes_{static_cast<int>(shape.images), static_cast<int>(shape.channels), static_cast<int>(shape.pixels),
             static_cast<int>(shape.groups), static_cast<int>(launch.channels_of_block)},
      shares_{1.0 / static_cast<double>(shape.images), 1.0 / static_cast<double>(shape.channels),
              1.0 / static_cast<double>(shape.pixels)} {
    pointers_.insert(pointers_.end(), data.outputs.begin(), data.outputs.end());
    pointers_.push_back(data.tables);
    for (const void*& pointer : pointers_) places_.push_back(static_cast<void*>(&pointer));
    for (int& size : sizes_) places_.push_back(&size);
    for (double& share : shares_) places_.push_back(&share);
}

}  // namespace normact::evaluator::cuda
