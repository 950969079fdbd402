#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace normact::evaluator::cuda {

/// What a kernel takes of a GPU, as its machine code says.
struct KernelResources {
    std::string name;
    int registers = 0;  ///< of each thread
    int stack = 0;      ///< bytes of each thread in memory: what registers could not hold, or arrays
};

/// Reads them from a cubin, by name. Throws std::runtime_error if it is none, or is cut off.
std::vector<KernelResources> kernel_resources(std::string_view cubin);

}  // namespace normact::evaluator::cuda
