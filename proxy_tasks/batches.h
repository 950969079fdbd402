#pragma once

#include "primitives/generator.h"
#include "proxy_tasks/dataset.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace normact::proxy_tasks {

/// Images as a network takes them.
struct Batch {
    at::Tensor images;  ///< float [N,C,side,side], channels_last, (pixel/255 − mean) / deviation
    at::Tensor labels;  ///< int64 [N]; of masks [N,side,side], `ignored` where a pixel doesn't count or lies outside
};

/// LibTorch's cross entropy leaves it out.
inline constexpr std::int64_t ignored = -100;

/// False of masks that are `ignored` all over: their cross entropy would be 0/0.
bool anything_counts(const Batch& batch);

/// Where a training image is cut out of a stored one.
struct Cut {
    std::int64_t image = 0;
    int top = 0;  ///< may be negative or reach beyond the image: what lies outside is black, as padding is
    int left = 0;
    bool mirrored = false;
};

/// Writes the cuts, side×side each, into batch.images and batch.labels, which have the right shapes already.
void write_cuts(const Dataset& dataset, const Images& from, std::span<const Cut> cuts, int side, Batch& batch);

/// The same as a batch in new buffers.
Batch cut(const Dataset& dataset, const Images& from, std::span<const Cut> cuts, int side);

/// Throws std::invalid_argument, which names the setting, if the crop is larger than the images or the batch than the
/// training set. `batch_key` is the key under which the batch is set.
void check_batches(const Dataset& dataset, int batch, int crop, std::string_view batch_key);

/// Which parts of which images a training sees: epochs of shuffled images, randomly cropped and mirrored.
class TrainingCuts {
  public:
    /// A crop as large as the image is taken from the image padded by 4 pixels on each side; a smaller one lies inside
    /// the image. Both have to fit: check_batches.
    TrainingCuts(const Dataset& dataset, int batch, int crop, bool flip, Generator order, Generator crops);

    /// Those of the next batch, valid until the next call. An epoch's last images that fill no batch are left out.
    std::span<const Cut> next();

  private:
    bool flip_;
    int padding_, positions_;  // how many places there are for a crop along each axis
    Generator order_, crops_;
    std::vector<std::int64_t> shuffled_;
    std::size_t used_;
    std::vector<Cut> cuts_;
};

/// Batch after batch of such cuts, always in the same buffers.
class TrainingBatches {
  public:
    /// As TrainingCuts. `dataset` must outlive it.
    TrainingBatches(const Dataset& dataset, int batch, int crop, bool flip, Generator order, Generator crops);

    /// The next batch, valid until the next call.
    const Batch& next();

  private:
    const Dataset& dataset_;
    int crop_;
    TrainingCuts cuts_;
    Batch batch_;
};

/// The whole images [first, first + count) of the set, as one batch in new buffers.
Batch whole_images(const Dataset& dataset, const Images& from, std::int64_t first, std::int64_t count);

}  // namespace normact::proxy_tasks
