#include "evaluator/cpu/kernel_makers.h"

#include "evaluator/cpu/jit.h"
#include "evaluator/cpu/tile_interpreter.h"

namespace normact::evaluator::cpu {

std::vector<const KernelMaker*> kernel_makers() {
    if (jit() == nullptr) return {&tile_interpreter()};
    return {jit(), &tile_interpreter()};
}

}  // namespace normact::evaluator::cpu
