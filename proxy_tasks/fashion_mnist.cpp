#include "proxy_tasks/fashion_mnist.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <utility>

namespace normact::proxy_tasks {
namespace {

constexpr int classes = 10;
constexpr std::uint32_t bytes_in_three_dimensions = 0x803, bytes_in_one_dimension = 0x801;  // IDX magic numbers

const DataSource source{
    .name = "Fashion-MNIST",
    .folder = "fashion-mnist",
    .key_file = "train-images-idx3-ubyte.gz",
    .how_to_get = "Get it with: apt-get install --reinstall dataset-fashion-mnist (docs/data.md).",
};

/// A file of images and the file of their labels.
struct Pair {
    DataFile images, labels;
};
// Sizes and checksums of the unpacked content, taken from dataset-fashion-mnist 0.0~git20200523.55506a9-1.
const Pair train{.images = {"train-images-idx3-ubyte.gz", 47'040'016, 0xca72265d7c26283b},
                 .labels = {"train-labels-idx1-ubyte.gz", 60'008, 0x775518db990ebf87}};
const Pair test{.images = {"t10k-images-idx3-ubyte.gz", 7'840'016, 0xa60baf710224b311},
                .labels = {"t10k-labels-idx1-ubyte.gz", 10'008, 0x20515cb4512a5b03}};

Images load(const Pair& pair, const DatasetSettings& settings) {
    const auto folder = find_data(source, settings);
    return parse_idx(read_checked(folder, pair.images, source), read_checked(folder, pair.labels, source),
                     (folder / pair.images.name).string());
}

/// The big-endian 32-bit number at byte 4·index.
std::uint32_t header_word(std::span<const std::uint8_t> bytes, std::size_t index) {
    std::uint32_t word = 0;
    for (const auto byte : bytes.subspan(4 * index, 4)) word = word << 8 | byte;
    return word;
}

}  // namespace

Images parse_idx(std::span<const std::uint8_t> images, std::span<const std::uint8_t> labels, const std::string& name) {
    if (images.size() < 16 || labels.size() < 8) throw DatasetError(name + ": an IDX file ends within its header");
    if (header_word(images, 0) != bytes_in_three_dimensions || header_word(labels, 0) != bytes_in_one_dimension)
        throw DatasetError(name + ": an IDX file has the wrong magic number");
    const std::int64_t count = header_word(images, 1), height = header_word(images, 2), width = header_word(images, 3);
    if (std::cmp_not_equal(header_word(labels, 1), count)) throw DatasetError(name + ": not as many labels as images");
    const auto pixels = images.subspan(16);
    const auto classes_given = labels.subspan(8);
    // 64 bits hold the product: a plane is compared first, so that no header makes it overflow.
    if (height > 1024 || width > 1024 || std::cmp_not_equal(pixels.size(), count * height * width) ||
        std::cmp_not_equal(classes_given.size(), count))
        throw DatasetError(name + ": an IDX file is not as long as its header says");
    if (std::ranges::any_of(classes_given, [](std::uint8_t label) { return label >= classes; }))
        throw DatasetError(name + ": a label is not below " + std::to_string(classes));
    Images parsed{at::empty({count, 1, height, width}, at::kByte), at::empty({count}, at::kLong)};
    std::ranges::copy(pixels, parsed.pixels.mutable_data_ptr<std::uint8_t>());
    std::ranges::copy(classes_given, parsed.labels.mutable_data_ptr<std::int64_t>());
    return parsed;
}

Dataset load_fashion_mnist(const DatasetSettings& settings) {
    return split("fashion-mnist", classes, load(train, settings), 50'000);
}

Images load_fashion_mnist_test(const DatasetSettings& settings) { return load(test, settings); }

}  // namespace normact::proxy_tasks
