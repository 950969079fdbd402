#pragma once

#include "proxy_tasks/dataset.h"

namespace normact::proxy_tasks {

/// Images for tests that need no files: [3,32,32], ten classes, 4,000 to train, 1,000 to validate; always the same.
/// A class is the direction and the frequency of a grating; its phase, color, contrast and mirroring are random and
/// noise lies above it. So no single pixel tells the class, but a few filters do, and mirrored images keep their class.
Dataset load_synthetic(const DatasetSettings& settings);

/// 1,000 other images.
Images load_synthetic_test(const DatasetSettings& settings);

}  // namespace normact::proxy_tasks
