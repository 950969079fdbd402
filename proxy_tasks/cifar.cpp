#include "proxy_tasks/cifar.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <utility>

namespace normact::proxy_tasks {
namespace {

constexpr std::int64_t side = 32, channels = 3, pixels = channels * side * side;
constexpr std::int64_t train_images = 40'000;  // the other 10,000 of the 50,000 validate

Images load(const Cifar& cifar, const std::vector<DataFile>& files, const DatasetSettings& settings) {
    const auto folder = find_data(cifar.source, settings);
    const auto record = static_cast<std::int64_t>(cifar.labels_below.size()) + pixels;
    std::int64_t count = 0;
    for (const auto& file : files) count += static_cast<std::int64_t>(file.size) / record;
    Images images{at::empty({count, channels, side, side}, at::kByte), at::empty({count}, at::kLong)};
    std::int64_t first = 0;
    for (const auto& file : files) {
        const Bytes bytes = read_checked(folder, file, cifar.source);
        unpack_cifar(cifar, bytes, (folder / file.name).string(), images, first);
        first += static_cast<std::int64_t>(bytes.size()) / record;
    }
    return images;
}

}  // namespace

const Cifar& cifar_10() {
    // Checksums of the files whose SHA-256 sums tools/fetch-cifar10 checks.
    static const Cifar cifar{
        .source = {.name = "CIFAR-10",
                   .folder = "cifar-10-batches-bin",
                   .key_file = "data_batch_1.bin",
                   .how_to_get = "Get it with tools/fetch-cifar10 (docs/data.md)."},
        .labels_below = {10},
        .train = {{"data_batch_1.bin", 30'730'000, 0x41ac9bacc0b7f4a7},
                  {"data_batch_2.bin", 30'730'000, 0xfe2060fa6cda726a},
                  {"data_batch_3.bin", 30'730'000, 0xb4bded95a257863a},
                  {"data_batch_4.bin", 30'730'000, 0xc1de03fe2464dfde},
                  {"data_batch_5.bin", 30'730'000, 0xd237593ed2319c8c}},
        .test = {{"test_batch.bin", 30'730'000, 0x437077c166f279d4}},
    };
    return cifar;
}

const Cifar& cifar_100() {
    // No verified copy was at hand to take checksums of: size and label ranges are checked.
    static const Cifar cifar{
        .source = {.name = "CIFAR-100",
                   .folder = "cifar-100-binary",
                   .key_file = "train.bin",
                   .how_to_get = "Unpack https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz in a data folder "
                                 "(docs/data.md)."},
        .labels_below = {20, 100},
        .train = {{"train.bin", 153'700'000, std::nullopt}},
        .test = {{"test.bin", 30'740'000, std::nullopt}},
    };
    return cifar;
}

void unpack_cifar(const Cifar& cifar, std::span<const std::uint8_t> records, const std::string& file, Images& images,
                  std::int64_t first) {
    const std::size_t label_bytes = cifar.labels_below.size();
    const std::size_t record = label_bytes + pixels;
    if (records.size() % record != 0)
        throw DatasetError(file + " holds no whole number of " + std::to_string(record) + "-byte records");
    auto* pixel = images.pixels.mutable_data_ptr<std::uint8_t>() + first * pixels;
    auto* label = images.labels.mutable_data_ptr<std::int64_t>() + first;
    for (std::size_t i = 0; i < records.size() / record; ++i) {
        const auto* bytes = records.data() + i * record;
        for (std::size_t k = 0; k < label_bytes; ++k)
            if (std::cmp_greater_equal(bytes[k], cifar.labels_below[k]))
                throw DatasetError(file + " is not " + cifar.source.name + ": record " + std::to_string(i) +
                                   " has label " + std::to_string(bytes[k]) + ", not below " +
                                   std::to_string(cifar.labels_below[k]) + ". " + cifar.source.how_to_get);
        *label++ = bytes[label_bytes - 1];
        pixel = std::copy_n(bytes + label_bytes, pixels, pixel);
    }
}

Dataset load_cifar_10(const DatasetSettings& settings) {
    return split("cifar-10", 10, load(cifar_10(), cifar_10().train, settings), train_images);
}

Dataset load_cifar_100(const DatasetSettings& settings) {
    return split("cifar-100", 100, load(cifar_100(), cifar_100().train, settings), train_images);
}

Images load_cifar_10_test(const DatasetSettings& settings) { return load(cifar_10(), cifar_10().test, settings); }

Images load_cifar_100_test(const DatasetSettings& settings) { return load(cifar_100(), cifar_100().test, settings); }

}  // namespace normact::proxy_tasks
