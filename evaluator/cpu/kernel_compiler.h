#pragma once

#include "evaluator/cpu/kernel.h"
#include "evaluator/cpu/vector_assembler.h"

#include <memory>

namespace normact::evaluator::cpu {

/// Machine code of a pass: a function void(const KernelCall*), at the beginning of the assembler's code. As AVX2 has no
/// masked loads and stores of two bytes, partial vectors of bfloat16 are left out.
std::unique_ptr<VectorAssembler> compile_kernel(const PassCode& code, ElementType type, Layout layout,
                                                InstructionSet set);

}  // namespace normact::evaluator::cpu
