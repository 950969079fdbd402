#pragma once

#include "proxy_tasks/data_files.h"
#include "proxy_tasks/dataset.h"

#include <span>

namespace normact::proxy_tasks {

/// Fashion-MNIST (arXiv 1708.07747): gray images [1,28,28] of ten kinds of clothes, as Debian's dataset-fashion-mnist
/// ships it: IDX files, packed with gzip. Of its 60,000 training images the first 50,000 train, the others validate.
Dataset load_fashion_mnist(const DatasetSettings& settings);
Images load_fashion_mnist_test(const DatasetSettings& settings);

/// Takes unpacked IDX files apart. Throws DatasetError that starts with `name` where they are no images with classes
/// below 10, one class an image.
Images parse_idx(std::span<const std::uint8_t> images, std::span<const std::uint8_t> labels, const std::string& name);

}  // namespace normact::proxy_tasks
