#pragma once

#include "evaluator/cpu/kernel.h"
#include "evaluator/cpu/pass_body.h"
#include "evaluator/cpu/vector_assembler.h"

#include <memory>

namespace normact::evaluator::cpu {

/// The lanes of a vector of a compiled kernel.
inline constexpr int kernel_lanes = parts * register_lanes;

/// Machine code of a pass: a function void(const KernelCall*), at the beginning of the assembler's code. AVX2 has no
/// masked loads and stores of two bytes: partial vectors of bfloat16 it leaves out.
std::unique_ptr<VectorAssembler> compile_kernel(const PassCode& code, ElementType type, Layout layout);

}  // namespace normact::evaluator::cpu
