#pragma once

#include "evaluator/backend.h"
#include "evaluator/cpu/kernel.h"

#include <memory>

namespace normact::evaluator {

/// Programs on the CPU, in float32 and bfloat16, on as many threads as LibTorch may use. `maker` must outlive it and
/// what it compiles.
std::shared_ptr<const Backend> cpu_backend(const cpu::KernelMaker& maker);

}  // namespace normact::evaluator
