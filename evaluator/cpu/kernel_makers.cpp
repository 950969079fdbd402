#include "evaluator/cpu/kernel_makers.h"

#include "evaluator/cpu/jit.h"
#include "evaluator/cpu/tile_interpreter.h"

namespace normact::evaluator::cpu {

std::vector<const KernelMaker*> kernel_makers() {
    std::vector<const KernelMaker*> makers;
    for (const InstructionSet set : {InstructionSet::avx512, InstructionSet::avx2})
        if (const KernelMaker* maker = jit(set)) makers.push_back(maker);
    makers.push_back(&tile_interpreter());
    return makers;
}

}  // namespace normact::evaluator::cpu
