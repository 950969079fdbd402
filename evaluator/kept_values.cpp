#include "evaluator/kept_values.h"

#include <algorithm>
#include <functional>

namespace normact::evaluator {
namespace {

/// Values with pixels that the results are made of, down to the first on each way that fulfils the condition.
std::set<ValueId> first_below(const Program& program, const std::vector<ValueId>& results,
                              const std::function<bool(ValueId)>& condition) {
    std::set<ValueId> found, seen;
    const std::function<void(ValueId)> visit = [&](ValueId id) {
        const Instruction& instruction = program.instructions[id];
        if (!instruction.extent.has_pixels() || !seen.insert(id).second) return;
        if (condition(id))
            found.insert(id);
        else
            std::ranges::for_each(operands_of(instruction), visit);
    };
    std::ranges::for_each(results, visit);
    return found;
}

}  // namespace

std::set<ValueId> values_to_keep(const Program& program, const std::vector<ValueId>& results,
                                 const std::set<ValueId>& earlier) {
    // An operand has a smaller number than what is made of it.
    std::set<ValueId> functions, made_of_them;
    for (const ValueId id : earlier) {
        const Instruction& instruction = program.instructions[id];
        if (row_of(instruction.operation).transcendental) functions.insert(id);
        if (functions.contains(id) ||
            std::ranges::any_of(operands_of(instruction), [&](ValueId of) { return made_of_them.contains(of); }))
            made_of_them.insert(id);
    }
    if (functions.empty()) return {};
    const auto in = [](const std::set<ValueId>& set) { return [&set](ValueId id) { return set.contains(id); }; };
    std::set<ValueId> first = first_below(program, results, in(functions));
    std::set<ValueId> last = first_below(program, results, in(made_of_them));
    return last.size() <= first.size() ? last : first;
}

}  // namespace normact::evaluator
