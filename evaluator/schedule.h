#pragma once

#include "evaluator/plane_means.h"
#include "evaluator/program.h"

#include <string>
#include <vector>

namespace normact::evaluator {

/// One loop over the elements of a block: loads full inputs, computes, stores full outputs and adds up plane means.
struct Pass {
    std::vector<ValueId> inputs;           ///< full inputs that it loads
    std::vector<ValueId> kept_inputs;      ///< what it reads of that which earlier passes of the block kept
    std::vector<ValueId> small_values;     ///< values without pixels that it reads, one a plane at most; no constants
    std::vector<ValueId> instructions;     ///< with pixels, in order
    std::vector<std::size_t> plane_means;  ///< which of the program's plane means it gives
    std::vector<std::size_t> outputs;      ///< which of the program's full outputs it stores
    std::vector<ValueId> keeps;            ///< what it keeps for later passes of the block
    std::vector<ValueId> small_instructions;  ///< computed after it for the planes of the block, in order
};

/// The largest part of a tensor over which a sweep's passes follow each other while it is in the cache.
enum class Block : std::uint8_t { plane, group, image };

/// One traversal of memory: for each block, the passes in turn.
struct Sweep {
    Block block = Block::plane;
    std::vector<ValueId> small_before;  ///< computed before it for the whole tensor, in order
    std::vector<Pass> passes;
    std::vector<ValueId> kept;  ///< all that its passes keep, in float32
};

/// In which order a program is computed: sweeps over the tensor with small tables between them. The same for every
/// engine, shape and memory format.
struct Schedule {
    FactoredProgram factored;
    std::vector<Sweep> sweeps;
    std::vector<ValueId> small_after;  ///< computed after the last sweep: outputs without pixels

    const Program& program() const { return factored.program; }
};

/// What passes do with a value with pixels that an earlier pass of the block computed: compute it again, or read it
/// back where a transcendental function would have to be computed again. The latter is faster while the block and what
/// is kept of it stay in the cache.
enum class Reuse : std::uint8_t { compute_again, keep };

Schedule schedule(const Program& program, Reuse reuse = Reuse::keep);

/// Memory traffic for each element: reads and writes of tensors with pixels, in numbers of elements.
int elements_moved(const Schedule& schedule);

/// The floor with as many barriers across planes as the schedule has between its sweeps: every tensor is read once in
/// each sweep and written once (kernels.md: forward 4(B + 2) bytes, backward 8(B + 1) + 4).
int least_elements_moved(const Schedule& schedule);

/// Arithmetic for each element in all passes: an operation or a term of a plane's mean counts one, a transcendental
/// function twelve (OperationRow::transcendental).
int operations_an_element(const Schedule& schedule);

/// Sweeps, passes, reductions, tables and traffic, for people.
std::string to_text(const Schedule& schedule);

}  // namespace normact::evaluator
