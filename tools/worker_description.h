#pragma once

#include "results/store.h"

#include <string>

namespace normact::tools {

/// The version of this program.
std::string version();
/// Version and compiler of this program and the version of LibTorch: scores of two builds may differ in the last bits.
std::string build_description();
/// Who works here: what a study records with each score.
results::Worker describe_worker(const std::string& engine);

}  // namespace normact::tools
