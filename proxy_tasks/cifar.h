#pragma once

#include "proxy_tasks/data_files.h"
#include "proxy_tasks/dataset.h"

#include <span>

namespace normact::proxy_tasks {

/// One of the two CIFAR data sets in its official binary layout: records of label bytes, the last of which counts, and
/// 3,072 pixel bytes (red, green and blue plane, row by row). Source: https://www.cs.toronto.edu/~kriz/cifar.html.
struct Cifar {
    DataSource source;
    std::vector<int>
        labels_below;  ///< bound of each label byte (CIFAR-100: coarse, fine); the last is the number of classes
    std::vector<DataFile> train;
    std::vector<DataFile> test;
};

const Cifar& cifar_10();
const Cifar& cifar_100();

/// Takes records apart into images [first, first + count) of `images`. Throws DatasetError that names `file` and the
/// record where a label is out of range or the size is no whole number of records.
void unpack_cifar(const Cifar& cifar, std::span<const std::uint8_t> records, const std::string& file, Images& images,
                  std::int64_t first);

Dataset load_cifar_10(const DatasetSettings& settings);
Dataset load_cifar_100(const DatasetSettings& settings);
Images load_cifar_10_test(const DatasetSettings& settings);
Images load_cifar_100_test(const DatasetSettings& settings);

}  // namespace normact::proxy_tasks
