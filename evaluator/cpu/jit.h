#pragma once

#include "evaluator/cpu/kernel.h"
#include "evaluator/cpu/vector_assembler.h"

namespace normact::evaluator::cpu {

/// Kernels as machine code for x86-64, with Xbyak. Null where the processor lacks the instructions. Both instruction
/// sets give the same results to the last bit.
const KernelMaker* jit(InstructionSet set);

}  // namespace normact::evaluator::cpu
