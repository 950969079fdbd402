#pragma once

#include "proxy_tasks/dataset.h"

namespace normact::proxy_tasks {

/// Images with masks that need no files: [3,32,32], 2,000 to train, 500 to validate; always the same. One to three
/// shapes (disk, square, triangle, cross: classes 1 to 4) of any size and rotation lie on a background (class 0), some
/// over others or over the border. All have a grating of random color and direction, with noise above. Backgrounds are
/// darker than most shapes; a shape's class is its outline, and the band that its grating's frequency is in.
Dataset load_shapes(const DatasetSettings& settings);

/// 500 other images.
Images load_shapes_test(const DatasetSettings& settings);

}  // namespace normact::proxy_tasks
