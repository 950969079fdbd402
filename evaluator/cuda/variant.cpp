#include "evaluator/cuda/variant.h"

#include <algorithm>
#include <bit>
#include <map>
#include <numeric>

namespace normact::evaluator::cuda {
namespace {

constexpr int most_bytes_at_once = 16;

std::int64_t next_multiple(std::int64_t number, std::int64_t of) { return (number + of - 1) / of * of; }

std::int64_t power_of_two_up_to(std::int64_t number) {
    return static_cast<std::int64_t>(std::bit_floor(static_cast<std::uint64_t>(number)));
}

/// How many bytes a sweep keeps in shared memory if it is resident.
std::int64_t resident_bytes(const Sweep& sweep, const Variant& variant, const TensorShape& shape) {
    const std::int64_t elements = channels_of_block(sweep.block, variant, shape) * shape.pixels;
    return std::ssize(inputs_read_again(sweep)) * elements * bytes_of(variant.type);
}

/// Whether all that would stay in shared memory leaves room for two blocks on a processor of the GPU.
bool may_be_resident(const Schedule& schedule, const Variant& variant, const TensorShape& shape) {
    constexpr std::int64_t most_bytes = 100 << 10;  // of 227 KiB on an H100, of 163 on an A100
    return std::ranges::all_of(schedule.sweeps,
                               [&](const Sweep& sweep) { return resident_bytes(sweep, variant, shape) <= most_bytes; });
}

/// About how many registers a pass needs for each lane of a vector in channels_last, where small values and sums differ
/// by lane.
int registers_of_lane(const Schedule& schedule, const Pass& pass) {
    constexpr int temporaries = 6, of_sum = 3;  // the sum in double, and a part of it in float
    const auto differs = [&](ValueId id) { return schedule.program().instructions[id].extent.has_groups(); };
    return static_cast<int>(std::ranges::count_if(pass.small_values, differs)) +
           of_sum * static_cast<int>(pass.plane_means.size()) +
           static_cast<int>(2 * pass.inputs.size() + pass.outputs.size()) + temporaries;
}

/// The longest vectors with which every pass keeps to registers.
int longest_vector(const Schedule& schedule) {
    constexpr int registers = 80;
    int most = 1;
    for (const Sweep& sweep : schedule.sweeps)
        for (const Pass& pass : sweep.passes) most = std::max(most, registers_of_lane(schedule, pass));
    return std::max(1, registers / most);
}

/// As many threads side by side as there are vectors of channels, but fewer where there would be too few blocks to fill
/// the GPU, or where what stays in shared memory would not fit: down to 64 bytes, the least that memory reads well.
int width_in_channels_last(const Schedule& schedule, Variant variant, const TensorShape& shape) {
    constexpr std::int64_t enough_blocks = 528, least_bytes = 64;  // four for each of 132 processors
    const auto vectors = static_cast<std::uint64_t>(shape.channels / variant.vector);
    variant.width = static_cast<int>(std::min<std::uint64_t>(std::bit_ceil(vectors), 32));
    const auto fills_the_gpu = [&] {
        const std::int64_t slab = channels_of_block(Block::plane, variant, shape);
        return shape.images * ((shape.channels + slab - 1) / slab) >= enough_blocks;
    };
    const std::int64_t bytes_of_vector = std::int64_t{variant.vector} * bytes_of(variant.type);
    while (variant.width > 1 && variant.width / 2 * bytes_of_vector >= least_bytes &&
           !(fills_the_gpu() && may_be_resident(schedule, variant, shape)))
        variant.width /= 2;
    return variant.width;
}

}  // namespace

std::int64_t channels_of_block(Block block, const Variant& variant, const TensorShape& shape) {
    if (block == Block::image) return shape.channels;
    std::int64_t unit = block == Block::group ? shape.channels / shape.groups : 1;
    if (variant.channels_last) unit = std::lcm(unit, variant.vector);  // no vector reaches over its end
    const std::int64_t at_once = variant.planes_at_once(block);
    return std::min(std::max(at_once / unit, std::int64_t{1}) * unit, shape.channels);
}

std::vector<ValueId> inputs_read_again(const Sweep& sweep) {
    std::map<ValueId, int> reads;
    for (const Pass& pass : sweep.passes)
        for (const ValueId id : pass.inputs) ++reads[id];
    std::vector<ValueId> again;
    for (const auto& [id, count] : reads)
        if (count > 1) again.push_back(id);
    return again;
}

std::int64_t sums_size(const Schedule& schedule, const Sweep& sweep, const Variant& variant) {
    const std::int64_t threads = variant.threads(sweep.block);
    const auto is_mean = [&](ValueId id) { return schedule.program().instructions[id].operation == Operation::mean; };
    std::int64_t means = 0;
    for (const Pass& pass : sweep.passes)
        means = std::max<std::int64_t>(
            {means, std::ssize(pass.plane_means), std::ranges::count_if(pass.small_instructions, is_mean)});
    std::int64_t numbers = means * threads / 32;
    if (variant.channels_last && means > 0) numbers = std::max(numbers, threads * variant.vector);
    return next_multiple(numbers, most_bytes_at_once / std::int64_t{sizeof(double)});
}

std::int64_t shared_bytes(const Schedule& schedule, const Sweep& sweep, const Variant& variant,
                          const TensorShape& shape) {
    return sums_size(schedule, sweep, variant) * std::int64_t{sizeof(double)} +
           (variant.resident ? resident_bytes(sweep, variant, shape) : 0);
}

Variant variant_for(const Schedule& schedule, const TensorShape& shape, ElementType type, std::int64_t alignment) {
    Variant variant{.type = type, .channels_last = shape.channels_last};
    const std::int64_t side_by_side = shape.channels_last ? shape.channels : shape.pixels;
    std::int64_t vector = std::min<std::int64_t>(most_bytes_at_once, alignment) / bytes_of(type);
    if (shape.channels_last) vector = std::min<std::int64_t>(vector, longest_vector(schedule));
    vector = std::gcd(power_of_two_up_to(std::max<std::int64_t>(vector, 1)), side_by_side);
    variant.vector = static_cast<int>(vector);
    if (shape.channels_last) {
        variant.width = width_in_channels_last(schedule, variant, shape);
    } else {
        constexpr std::int64_t pixels_for_all_threads = 1024;
        variant.width = shape.pixels < pixels_for_all_threads ? 32 : variant.threads(Block::plane);
    }
    variant.resident = may_be_resident(schedule, variant, shape);
    return variant;
}

}  // namespace normact::evaluator::cuda
