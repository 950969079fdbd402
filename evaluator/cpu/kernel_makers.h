#pragma once

#include "evaluator/cpu/kernel.h"

#include <vector>

namespace normact::evaluator::cpu {

/// The ways to make kernels that this machine has, the fastest first; the tile interpreter is always among them.
std::vector<const KernelMaker*> kernel_makers();

}  // namespace normact::evaluator::cpu
