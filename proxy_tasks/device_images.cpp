#include "proxy_tasks/device_images.h"

#include <ATen/ATen.h>

#include <vector>

namespace normact::proxy_tasks {
namespace {

DeviceImages on_device(const Images& images, c10::Device device) {
    const at::Tensor& pixels = images.pixels;
    return {.pixels = pixels.permute({0, 2, 3, 1}).reshape({-1, pixels.size(1)}).to(device),
            .labels = images.labels.to(device),
            .height = pixels.size(2),
            .width = pixels.size(3)};
}

}  // namespace

DeviceDataset on_device(const Dataset& dataset, c10::Device device) {
    std::vector<float> scale, shift;
    for (std::size_t c = 0; c < dataset.mean.size(); ++c) {
        scale.push_back(1 / (255 * dataset.deviation[c]));
        shift.push_back(-dataset.mean[c] / dataset.deviation[c]);
    }
    return {.classes = dataset.classes,
            .channels = dataset.train.pixels.size(1),
            .train = on_device(dataset.train, device),
            .validation = on_device(dataset.validation, device),
            .scale = at::tensor(scale).to(device),
            .shift = at::tensor(shift).to(device)};
}

at::Tensor as_tensor(std::span<const Cut> cuts) {
    at::Tensor numbers = at::empty({static_cast<std::int64_t>(cuts.size()), 4}, at::kLong);
    auto* to = numbers.mutable_data_ptr<std::int64_t>();
    for (const Cut& cut : cuts) {
        *to++ = cut.image;
        *to++ = cut.top;
        *to++ = cut.left;
        *to++ = cut.mirrored ? 1 : 0;
    }
    return numbers;
}

Batch cut_on_device(const DeviceDataset& dataset, const DeviceImages& from, const at::Tensor& cuts, std::int64_t side) {
    const auto column = [&](std::int64_t k) { return cuts.narrow(1, k, 1); };
    const at::Tensor along = at::arange(side, cuts.options()).unsqueeze(0);
    const at::Tensor y = column(1) + along;  // [n,side]
    const at::Tensor x = column(2) + at::where(column(3) != 0, side - 1 - along, along);
    const at::Tensor inside = at::logical_and((y >= 0).logical_and(y < from.height).unsqueeze(2),
                                              (x >= 0).logical_and(x < from.width).unsqueeze(1));
    const at::Tensor rows = column(0) * from.height + y.clamp(0, from.height - 1);
    const at::Tensor places = rows.unsqueeze(2) * from.width + x.clamp(0, from.width - 1).unsqueeze(1);
    const at::Tensor pixels = from.pixels.index_select(0, places.flatten()).to(at::kFloat);
    const at::Tensor values = (pixels * inside.flatten().unsqueeze(1)).mul_(dataset.scale).add_(dataset.shift);
    return {.images = values.view({cuts.size(0), side, side, dataset.channels}).permute({0, 3, 1, 2}),
            .labels = from.labels.index_select(0, cuts.select(1, 0))};
}

}  // namespace normact::proxy_tasks
