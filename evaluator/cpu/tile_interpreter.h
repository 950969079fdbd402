#pragma once

#include "evaluator/cpu/kernel.h"

namespace normact::evaluator::cpu {

/// Kernels that take a pass step by step over tiles that stay in the first-level cache, with Google Highway: on every
/// machine, and the reference for compiled kernels.
const KernelMaker& tile_interpreter();

}  // namespace normact::evaluator::cpu
