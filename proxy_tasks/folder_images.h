#pragma once

#include "proxy_tasks/dataset.h"

namespace normact::proxy_tasks {

// A user's own images, PNG or JPEG, all square and of one size, in the folder that the settings name. What lies under
// train/ trains, but for each fifth image in the order of the names, which validates; what lies under test/ is opened
// by load_..._test alone. Held-out images are shuffled, always alike. All functions throw DatasetError that names the
// file or folder and what is wrong with it.

/// Data set `folder`: one folder a class, train/CLASS/*.png. Classes are numbered in the order of their names.
Dataset load_folder(const DatasetSettings& settings);
Images load_folder_test(const DatasetSettings& settings);

/// Data set `folder-masks`: train/images/NAME.jpg with train/masks/NAME.png, which holds the number of the class of
/// each pixel, or `uncounted`; and classes.txt, whose first line names class 0, the second class 1 and so on.
Dataset load_folder_masks(const DatasetSettings& settings);
Images load_folder_masks_test(const DatasetSettings& settings);

}  // namespace normact::proxy_tasks
