#include "proxy_tasks/batches.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <numeric>
#include <stdexcept>
#include <string>
#include <utility>

namespace normact::proxy_tasks {
namespace {

constexpr int usual_padding = 4;

Batch empty_batch(std::int64_t count, const Images& like, std::int64_t side) {
    const std::vector<std::int64_t> pixels{count, like.pixels.size(1), side, side};
    const auto labels = like.have_masks() ? std::vector{count, side, side} : std::vector{count};
    return {at::empty(pixels, at::TensorOptions(at::kFloat), at::MemoryFormat::ChannelsLast),
            at::empty(labels, at::TensorOptions(at::kLong))};
}

/// The part of a mask that a cut takes, side×side.
void write_mask(const std::uint8_t* mask, std::int64_t height, std::int64_t width, const Cut& cut, int side,
                std::int64_t* out) {
    for (int y = 0; y < side; ++y) {
        for (int x = 0; x < side; ++x) {
            const std::int64_t row = cut.top + y, column = cut.left + (cut.mirrored ? side - 1 - x : x);
            const bool inside = row >= 0 && row < height && column >= 0 && column < width;
            const std::uint8_t label = inside ? mask[row * width + column] : uncounted;
            *out++ = label == uncounted ? ignored : label;
        }
    }
}

void write_labels(const Images& from, std::span<const Cut> cuts, int side, at::Tensor& labels) {
    auto* out = labels.mutable_data_ptr<std::int64_t>();
    const std::int64_t height = from.pixels.size(2), width = from.pixels.size(3);
    for (const Cut& cut : cuts) {
        if (from.have_masks()) {
            const auto* mask = from.labels.const_data_ptr<std::uint8_t>() + cut.image * height * width;
            write_mask(mask, height, width, cut, side, out);
            out += std::int64_t{side} * side;
        } else {
            *out++ = from.labels.const_data_ptr<std::int64_t>()[cut.image];
        }
    }
}

/// One row of one channel: `side` pixels from column `left`, black outside, into every `stride`-th number of `out`.
void write_row(const std::uint8_t* row, std::int64_t width, const Cut& cut, int side, float scale, float shift,
               float* out, std::int64_t stride) {
    const int begin = std::clamp(-cut.left, 0, side);
    const int end = static_cast<int>(std::clamp<std::int64_t>(width - cut.left, begin, side));
    const auto place = [&](int column) { return out + (cut.mirrored ? side - 1 - column : column) * stride; };
    if (row == nullptr || begin > 0 || end < side) {
        for (int column = 0; column < side; ++column) *place(column) = shift;
    }
    if (row == nullptr) return;
    for (int column = begin; column < end; ++column) {
        *place(column) = static_cast<float>(row[cut.left + column]) * scale + shift;
    }
}

}  // namespace

bool anything_counts(const Batch& batch) { return (batch.labels != ignored).any().item<bool>(); }

void write_cuts(const Dataset& dataset, const Images& from, std::span<const Cut> cuts, int side, Batch& batch) {
    const std::int64_t channels = from.pixels.size(1), height = from.pixels.size(2), width = from.pixels.size(3);
    const auto* pixels = from.pixels.const_data_ptr<std::uint8_t>();
    auto* images = batch.images.mutable_data_ptr<float>();
    write_labels(from, cuts, side, batch.labels);
    for (std::size_t n = 0; n < cuts.size(); ++n) {
        const Cut& cut = cuts[n];
        for (std::int64_t c = 0; c < channels; ++c) {
            const float scale = 1 / (255 * dataset.deviation[c]);
            const float shift = -dataset.mean[c] / dataset.deviation[c];
            const std::uint8_t* plane = pixels + (cut.image * channels + c) * height * width;
            for (int y = 0; y < side; ++y) {
                const std::int64_t from_row = cut.top + y;
                const bool inside = from_row >= 0 && from_row < height;
                float* out = images + ((static_cast<std::int64_t>(n) * side + y) * side) * channels + c;
                write_row(inside ? plane + from_row * width : nullptr, width, cut, side, scale, shift, out, channels);
            }
        }
    }
}

Batch cut(const Dataset& dataset, const Images& from, std::span<const Cut> cuts, int side) {
    Batch batch = empty_batch(static_cast<std::int64_t>(cuts.size()), from, side);
    write_cuts(dataset, from, cuts, side, batch);
    return batch;
}

void check_batches(const Dataset& dataset, int batch, int crop, std::string_view batch_key) {
    const std::int64_t count = dataset.train.pixels.size(0), side = dataset.train.pixels.size(2);
    if (crop < 1 || crop > side) {
        throw std::invalid_argument("scoring.training.crop is " + std::to_string(crop) + ", but the images of " +
                                    dataset.name + " have a side of " + std::to_string(side));
    }
    if (batch < 1 || batch > count) {
        throw std::invalid_argument(std::string(batch_key) + " is " + std::to_string(batch) + ", but " + dataset.name +
                                    " has " + std::to_string(count) + " training images");
    }
}

TrainingCuts::TrainingCuts(const Dataset& dataset, int batch, int crop, bool flip, Generator order, Generator crops)
    : flip_(flip), order_(order), crops_(crops) {
    const std::int64_t count = dataset.train.pixels.size(0), side = dataset.train.pixels.size(2);
    padding_ = crop == side ? usual_padding : 0;
    positions_ = static_cast<int>(side) + 2 * padding_ - crop + 1;
    shuffled_.resize(count);
    std::iota(shuffled_.begin(), shuffled_.end(), 0);
    used_ = shuffled_.size();
    cuts_.resize(batch);
}

std::span<const Cut> TrainingCuts::next() {
    if (used_ + cuts_.size() > shuffled_.size()) {
        for (std::size_t i = shuffled_.size() - 1; i > 0; --i) {  // Fisher–Yates; std::shuffle differs by library
            std::swap(shuffled_[i], shuffled_[uniform_below(order_, i + 1)]);
        }
        used_ = 0;
    }
    for (Cut& cut : cuts_) {
        cut.image = shuffled_[used_++];
        cut.top = static_cast<int>(uniform_below(crops_, positions_)) - padding_;
        cut.left = static_cast<int>(uniform_below(crops_, positions_)) - padding_;
        cut.mirrored = flip_ && uniform_below(crops_, 2) == 1;
    }
    return cuts_;
}

TrainingBatches::TrainingBatches(const Dataset& dataset, int batch, int crop, bool flip, Generator order,
                                 Generator crops)
    : dataset_(dataset),
      crop_(crop),
      cuts_(dataset, batch, crop, flip, order, crops),
      batch_(empty_batch(batch, dataset.train, crop)) {}

const Batch& TrainingBatches::next() {
    write_cuts(dataset_, dataset_.train, cuts_.next(), crop_, batch_);
    return batch_;
}

Batch whole_images(const Dataset& dataset, const Images& from, std::int64_t first, std::int64_t count) {
    std::vector<Cut> cuts(count);
    for (std::int64_t i = 0; i < count; ++i) cuts[i].image = first + i;
    return cut(dataset, from, cuts, static_cast<int>(from.pixels.size(2)));
}

}  // namespace normact::proxy_tasks
