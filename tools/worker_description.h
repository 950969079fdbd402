#pragma once

#include "results/store.h"

#include <string>

namespace normact::tools {

/// Version, build and compiler of this program, and version and build of LibTorch: scores of two builds may differ.
std::string build_description();
/// Who works here: what a study records with each score.
results::Worker describe_worker(const std::string& engine);

}  // namespace normact::tools
