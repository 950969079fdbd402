#pragma once

#include "proxy_tasks/data_files.h"
#include "proxy_tasks/settings.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

namespace normact::proxy_tasks {

/// In a mask: a pixel that counts neither in training nor in a score.
inline constexpr std::uint8_t uncounted = 255;

/// Images with their classes, or with a class for each pixel.
struct Images {
    at::Tensor pixels;  ///< uint8 [N,C,H,W], contiguous
    at::Tensor labels;  ///< int64 [N], in [0, classes); or masks, uint8 [N,H,W], in [0, classes) or `uncounted`

    bool have_masks() const { return labels.dim() == 3; }
};

/// What the proxy tasks train and validate on. The test images are not part of it: see load_test_images.
struct Dataset {
    std::string name;
    int classes = 0;
    Images train;
    Images validation;
    std::vector<float> mean;       ///< of the training pixels in [0,1], one a channel
    std::vector<float> deviation;  ///< standard deviation of the same
};

/// Loads the training images and splits off the validation images: the same split always (CIFAR: 40,000 and 10,000).
/// Throws DatasetError, or std::invalid_argument for an unknown name that lists the known ones.
Dataset load_dataset(const DatasetSettings& settings);

/// The real test set, touched by re-evaluation alone.
Images load_test_images(const DatasetSettings& settings);

/// The names that load_dataset knows.
std::vector<std::string> dataset_names();

/// Makes a data set of images, with classes or masks: the first `train` ones train, the others validate. Throws
/// DatasetError if all pixels of a channel are equal. For the loaders.
Dataset split(std::string name, int classes, const Images& images, std::int64_t train);

}  // namespace normact::proxy_tasks
