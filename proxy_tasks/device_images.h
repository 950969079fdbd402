#pragma once

#include "proxy_tasks/batches.h"
#include "proxy_tasks/dataset.h"

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <span>

namespace normact::proxy_tasks {

/// Images in the memory of a device.
struct DeviceImages {
    at::Tensor pixels;  ///< uint8 [N·H·W,C]
    at::Tensor labels;  ///< int64 [N]
    std::int64_t height = 0, width = 0;
};

/// A data set in the memory of a device.
struct DeviceDataset {
    int classes = 0;
    std::int64_t channels = 0;
    DeviceImages train, validation;
    at::Tensor scale, shift;  ///< float [C]: pixel·scale + shift is what a network takes
};
DeviceDataset on_device(const Dataset& dataset, c10::Device device);

/// Cuts as numbers, int64 [n,4] on the CPU: image, top, left, mirrored.
at::Tensor as_tensor(std::span<const Cut> cuts);

/// The cuts, side×side each, as a batch on the device: what write_cuts gives, by operations of LibTorch. `cuts` is such
/// a tensor on the device.
Batch cut_on_device(const DeviceDataset& dataset, const DeviceImages& from, const at::Tensor& cuts, std::int64_t side);

}  // namespace normact::proxy_tasks
