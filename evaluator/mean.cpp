#include "evaluator/mean.h"

#include <ATen/ATen.h>

#include <stdexcept>

namespace normact::evaluator {
namespace {

using primitives::IndexSet;

/// The mean as a scaled sum: its derivative stays a small tensor that is expanded, where that of at::mean fills a large
/// one.
at::Tensor mean_over(const at::Tensor& tensor, at::IntArrayRef dimensions) {
    std::int64_t count = 1;
    for (const std::int64_t dimension : dimensions) count *= tensor.size(dimension);
    if (count == 1) return tensor;
    return tensor.sum(dimensions, /*keepdim=*/true) * (1.0 / static_cast<double>(count));
}

}  // namespace

Value mean(const Value& value, IndexSet set, int groups) {
    const at::Tensor& tensor = value.tensor;
    switch (set) {
        case IndexSet::batch:
            return {mean_over(tensor, {0, 2, 3})};
        case IndexSet::instance:
            return {mean_over(tensor, {2, 3})};
        case IndexSet::layer:
            return {mean_over(tensor, {1, 2, 3})};
        case IndexSet::group:
            break;
        case IndexSet::none:
            throw std::logic_error("mean: a moment without an index set");
    }
    // Planes first: every plane weighs the same, and no view of a channels_last tensor with split channels is reduced.
    const at::Tensor planes = mean_over(tensor, {2, 3});
    const std::int64_t channels = planes.size(1);
    if (channels == 1 || channels == groups) return {planes};
    const at::Tensor by_group = planes.reshape({planes.size(0), groups, channels / groups});
    return {mean_over(by_group, {2}).expand_as(by_group).reshape_as(planes)};
}

}  // namespace normact::evaluator
