#include "proxy_tasks/folder_images.h"

#include "primitives/generator.h"
#include "proxy_tasks/image_files.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <utility>

namespace normact::proxy_tasks {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t validation_share = 5;  // each fifth image
constexpr std::int64_t most_pixels = std::int64_t{1} << 32;

/// An image, and its class or mask.
struct Example {
    fs::path image;
    std::int64_t label = 0;
    fs::path mask;  ///< empty where there are classes
};

fs::path chosen_folder(const DatasetSettings& settings) {
    if (settings.folder.empty())
        throw DatasetError("the data set " + settings.name +
                           " lies in a folder of yours; set scoring.dataset.folder to it");
    return settings.folder;
}

/// What is in a folder, in the order of the names; hidden entries are left out.
std::vector<fs::path> entries(const fs::path& folder) {
    std::error_code error;
    std::vector<fs::path> found;
    for (fs::directory_iterator entry(folder, error); !error && entry != fs::directory_iterator();
         entry.increment(error))
        if (!entry->path().filename().string().starts_with('.')) found.push_back(entry->path());
    if (error) throw DatasetError(folder.string() + " can't be read: " + error.message());
    std::ranges::sort(found);
    return found;
}

bool is_image_name(const fs::path& file) {
    std::string extension = file.extension().string();
    std::ranges::transform(extension, extension.begin(), [](char c) { return static_cast<char>(c | 0x20); });
    return extension == ".png" || extension == ".jpg" || extension == ".jpeg";
}

std::vector<fs::path> image_files(const fs::path& folder) {
    std::vector<fs::path> files = entries(folder);
    for (const fs::path& file : files)
        if (!is_image_name(file)) throw DatasetError(file.string() + " is no .png, .jpg or .jpeg file");
    if (files.empty()) throw DatasetError(folder.string() + " holds no images");
    return files;
}

std::vector<std::string> class_names(const fs::path& folder) {
    std::vector<std::string> names;
    for (const fs::path& entry : entries(folder / "train")) {
        if (!fs::is_directory(entry))
            throw DatasetError(entry.string() + " is no folder; images lie in one folder a class, train/CLASS/…");
        names.push_back(entry.filename().string());
    }
    if (names.size() < 2)
        throw DatasetError((folder / "train").string() + " must hold a folder for each of two or more classes");
    return names;
}

std::vector<Example> examples_by_class(const fs::path& folder, const char* part) {
    const auto names = class_names(folder);
    std::vector<Example> examples;
    for (const fs::path& entry : entries(folder / part)) {
        const auto found = std::ranges::find(names, entry.filename().string());
        if (found == names.end())
            throw DatasetError(entry.string() + " is none of the classes that train/ has folders for");
        for (const fs::path& file : image_files(entry)) examples.push_back({file, found - names.begin(), {}});
    }
    if (examples.empty()) throw DatasetError((folder / part).string() + " holds no images");
    return examples;
}

std::vector<Example> examples_with_masks(const fs::path& folder, const char* part) {
    std::vector<Example> examples;
    for (const fs::path& image : image_files(folder / part / "images")) {
        const fs::path mask = folder / part / "masks" / image.stem().concat(".png");
        if (!fs::exists(mask)) throw DatasetError(image.string() + " has no mask: " + mask.string() + " is missing");
        examples.push_back({image, 0, mask});
    }
    return examples;
}

int mask_classes(const fs::path& folder) {
    std::ifstream lines(folder / "classes.txt");
    if (!lines)
        throw DatasetError(
            (folder / "classes.txt").string() +
            " can't be opened; its first line names the class that masks hold as 0, the second 1 and so on");
    int count = 0;
    for (std::string line; std::getline(lines, line);) count += line.empty() ? 0 : 1;
    if (count < 2 || std::cmp_greater(count, uncounted))
        throw DatasetError((folder / "classes.txt").string() + " names " + std::to_string(count) +
                           " classes; it must be 2 to 255");
    return count;
}

std::string size_of(const Raster& raster) { return std::to_string(raster.width) + "×" + std::to_string(raster.height); }

void copy_image(const Example& example, std::int64_t i, std::int64_t side, const at::Tensor& pixels) {
    const Raster raster = read_color_image(example.image);
    if (raster.width != side || raster.height != side)
        throw DatasetError(example.image.string() + " has " + size_of(raster) + " pixels, the first image " +
                           std::to_string(side) + "×" + std::to_string(side) +
                           "; all must be square and of one size, as `mogrify -resize 64x64^ -gravity center -extent "
                           "64x64` of ImageMagick makes them");
    auto* to = pixels.mutable_data_ptr<std::uint8_t>() + i * 3 * side * side;
    for (std::int64_t c = 0; c < 3; ++c)
        for (std::int64_t k = 0; k < side * side; ++k) *to++ = raster.values[k * 3 + c];
}

void copy_mask(const Example& example, std::int64_t i, std::int64_t side, int classes, const at::Tensor& masks) {
    const Raster raster = read_label_image(example.mask);
    if (raster.width != side || raster.height != side)
        throw DatasetError(example.mask.string() + " has " + size_of(raster) + " pixels, its image " +
                           std::to_string(side) + "×" + std::to_string(side));
    const auto unknown = std::ranges::find_if(raster.values, [classes](std::uint8_t label) {
        return std::cmp_greater_equal(label, classes) && label != uncounted;
    });
    if (unknown != raster.values.end()) {
        const auto place = unknown - raster.values.begin();
        throw DatasetError(example.mask.string() + " holds " + std::to_string(*unknown) + " at column " +
                           std::to_string(place % side) + ", row " + std::to_string(place / side) +
                           ", but classes.txt names " + std::to_string(classes) + " classes: 0 to " +
                           std::to_string(classes - 1) + ", and 255 for what doesn't count");
    }
    std::ranges::copy(raster.values, masks.mutable_data_ptr<std::uint8_t>() + i * side * side);
}

/// `classes`: of masks.
Images read(const std::vector<Example>& examples, int classes) {
    const auto count = static_cast<std::int64_t>(examples.size());
    const bool masks = !examples.front().mask.empty();
    const std::int64_t side = read_color_image(examples.front().image).width;
    if (count * side * side > most_pixels)
        throw DatasetError(std::to_string(count) + " images of " + std::to_string(side) + "×" + std::to_string(side) +
                           " pixels are more than memory is meant to hold; make them smaller");
    Images images{at::empty({count, 3, side, side}, at::kByte),
                  masks ? at::empty({count, side, side}, at::kByte) : at::empty({count}, at::kLong)};
    for (std::int64_t i = 0; i < count; ++i) {
        copy_image(examples[i], i, side, images.pixels);
        if (masks)
            copy_mask(examples[i], i, side, classes, images.labels);
        else
            images.labels.mutable_data_ptr<std::int64_t>()[i] = examples[i].label;
    }
    return images;
}

/// In an order that is the same always. Files are in the order of their classes, but the first few held-out images must
/// be able to stand for all.
std::vector<Example> mixed(std::vector<Example> examples) {
    Generator generator(1);
    for (std::size_t i = examples.size(); i > 1; --i)  // Fisher–Yates; std::shuffle differs by library
        std::swap(examples[i - 1], examples[uniform_below(generator, i)]);
    return examples;
}

Dataset split_off_each_fifth(const std::string& name, int classes, const std::vector<Example>& examples) {
    std::vector<Example> ordered, validating;
    for (std::size_t i = 0; i < examples.size(); ++i)
        ((i + 1) % validation_share == 0 ? validating : ordered).push_back(examples[i]);
    if (validating.empty())
        throw DatasetError(examples.front().image.parent_path().string() + ": five images are the least");
    const auto train = static_cast<std::int64_t>(ordered.size());
    std::ranges::copy(mixed(std::move(validating)), std::back_inserter(ordered));
    return split(name, classes, read(ordered, classes), train);
}

}  // namespace

Dataset load_folder(const DatasetSettings& settings) {
    const fs::path folder = chosen_folder(settings);
    const auto classes = static_cast<int>(class_names(folder).size());
    return split_off_each_fifth("folder", classes, examples_by_class(folder, "train"));
}

Images load_folder_test(const DatasetSettings& settings) {
    return read(mixed(examples_by_class(chosen_folder(settings), "test")), 0);
}

Dataset load_folder_masks(const DatasetSettings& settings) {
    const fs::path folder = chosen_folder(settings);
    return split_off_each_fifth("folder-masks", mask_classes(folder), examples_with_masks(folder, "train"));
}

Images load_folder_masks_test(const DatasetSettings& settings) {
    const fs::path folder = chosen_folder(settings);
    return read(mixed(examples_with_masks(folder, "test")), mask_classes(folder));
}

}  // namespace normact::proxy_tasks
