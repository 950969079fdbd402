#pragma once

#include <vector>

namespace normact::evaluator {

/// Where the inputs and outputs of a program lie, in its order, in the memory of one device. Tensors with pixels are
/// dense, of one element type; parameters and their gradients are float32 [C]. Tables, that is moments, are in double:
/// [N,C] where the extent has images and channels or groups, [N], [C] or one number where it has less; groups have one
/// number a channel.
struct ProgramData {
    std::vector<const void*> inputs;
    std::vector<void*> outputs;
    double* tables = nullptr;  ///< scratch memory for small values, as much as the engine's kernels ask for
};

}  // namespace normact::evaluator
