#pragma once

#include "evaluator/cpu/kernel.h"

namespace normact::evaluator::cpu {

/// Kernels as machine code for x86-64 with AVX2 and FMA, with Xbyak. Null where the processor lacks these.
const KernelMaker* jit();

}  // namespace normact::evaluator::cpu
