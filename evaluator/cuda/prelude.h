#pragma once

#include "evaluator/tensor_shape.h"

#include <string>

namespace normact::evaluator::cuda {

/// What every emitted source begins with: types of elements, operations in float and double, sums over threads. CUDA
/// C++ without any header, which compiles in a fraction of the time. A program that defines NORMACT_EMULATION before it
/// brings the words of CUDA itself.
std::string prelude(ElementType type);

}  // namespace normact::evaluator::cuda
