#pragma once

#include "evaluator/cuda/kernel_loader.h"

#include <memory>
#include <string>
#include <vector>

namespace normact::evaluator::cuda {

/// What happened to a driver, in order: "load sweep_0 …", "launch sweep_0 blocks × threads, bytes".
using DriverLog = std::vector<std::string>;

/// A loader without NVRTC and without a GPU, for tests: sources run on the CPU, in its memory.
std::shared_ptr<const KernelLoader> emulated_loader(std::shared_ptr<DriverLog> log = std::make_shared<DriverLog>());

}  // namespace normact::evaluator::cuda
