#include "proxy_tasks/dataset.h"

#include "proxy_tasks/cifar.h"
#include "proxy_tasks/dataset_origin.h"
#include "proxy_tasks/fashion_mnist.h"
#include "proxy_tasks/folder_images.h"
#include "proxy_tasks/shapes.h"
#include "proxy_tasks/synthetic.h"

#include <array>
#include <cmath>
#include <stdexcept>
#include <string_view>

namespace normact::proxy_tasks {
namespace {

struct Loader {
    std::string_view name;
    Origin origin;
    Dataset (*train)(const DatasetSettings&);
    Images (*test)(const DatasetSettings&);
};

constexpr std::array loaders{
    Loader{"fashion-mnist", Origin::published, load_fashion_mnist, load_fashion_mnist_test},
    Loader{"cifar-10", Origin::published, load_cifar_10, load_cifar_10_test},
    Loader{"cifar-100", Origin::published, load_cifar_100, load_cifar_100_test},
    Loader{"synthetic", Origin::made, load_synthetic, load_synthetic_test},
    Loader{"shapes", Origin::made, load_shapes, load_shapes_test},
    Loader{"folder", Origin::user, load_folder, load_folder_test},
    Loader{"folder-masks", Origin::user, load_folder_masks, load_folder_masks_test},
};

const Loader& find_loader(std::string_view name) {
    std::string known;
    for (const auto& loader : loaders) {
        if (loader.name == name) return loader;
        known += (known.empty() ? "" : ", ") + std::string(loader.name);
    }
    throw std::invalid_argument("there is no data set \"" + std::string(name) + "\"; there are " + known);
}

/// Mean and standard deviation of each channel. The sums are integers, so they are exact. Throws DatasetError if a
/// deviation is 0, as images are divided by it.
void measure_channels(Dataset& dataset) {
    const auto& pixels = dataset.train.pixels;
    const std::int64_t count = pixels.size(0), channels = pixels.size(1), plane = pixels.size(2) * pixels.size(3);
    std::vector<std::uint64_t> sum(channels), sum_of_squares(channels);
    const auto* pixel = pixels.const_data_ptr<std::uint8_t>();
    for (std::int64_t i = 0; i < count * channels; ++i, pixel += plane) {
        std::uint64_t of_plane = 0, squares_of_plane = 0;  // 2^32 is less than the squares of 258×258 may be
        for (std::int64_t k = 0; k < plane; ++k) {
            of_plane += pixel[k];
            squares_of_plane += static_cast<std::uint64_t>(pixel[k]) * pixel[k];
        }
        sum[i % channels] += of_plane;
        sum_of_squares[i % channels] += squares_of_plane;
    }
    const auto pixels_in_channel = static_cast<double>(count * plane);
    for (std::int64_t c = 0; c < channels; ++c) {
        const double mean = static_cast<double>(sum[c]) / pixels_in_channel;
        const double variance = static_cast<double>(sum_of_squares[c]) / pixels_in_channel - mean * mean;
        if (!(variance > 0))
            throw DatasetError(dataset.name + ": channel " + std::to_string(c) + " of the training images is " +
                               std::to_string(std::lround(mean)) +
                               " at every pixel, so there is nothing to learn from it");
        dataset.mean.push_back(static_cast<float>(mean / 255));
        dataset.deviation.push_back(static_cast<float>(std::sqrt(variance) / 255));
    }
}

Images slice(const Images& images, std::int64_t first, std::int64_t count) {
    return {images.pixels.narrow(0, first, count), images.labels.narrow(0, first, count)};
}

}  // namespace

Dataset split(std::string name, int classes, const Images& images, std::int64_t train) {
    Dataset dataset{.name = std::move(name),
                    .classes = classes,
                    .train = slice(images, 0, train),
                    .validation = slice(images, train, images.labels.size(0) - train),
                    .mean = {},
                    .deviation = {}};
    measure_channels(dataset);
    return dataset;
}

Dataset load_dataset(const DatasetSettings& settings) { return find_loader(settings.name).train(settings); }

Images load_test_images(const DatasetSettings& settings) { return find_loader(settings.name).test(settings); }

Origin origin_of(std::string_view dataset) { return find_loader(dataset).origin; }

std::vector<std::string> dataset_names() {
    std::vector<std::string> names;
    names.reserve(loaders.size());
    for (const auto& loader : loaders) names.emplace_back(loader.name);
    return names;
}

}  // namespace normact::proxy_tasks
