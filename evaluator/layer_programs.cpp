#include "evaluator/layer_programs.h"

#include "evaluator/differentiate.h"
#include "evaluator/lowering.h"
#include "evaluator/program_builder.h"

#include <algorithm>
#include <utility>

namespace normact::evaluator {
namespace {

std::string saved_name(std::size_t k) { return "saved " + std::to_string(k); }

/// Which instructions the outputs depend on if those in `known` depend on nothing.
std::vector<bool> live_without(const Program& program, const std::vector<ValueId>& known) {
    return live_instructions(program, [&](ValueId id) {
        const bool is_known = std::ranges::find(known, id) != known.end();
        return is_known ? std::span<const ValueId>() : operands_of(program.instructions[id]);
    });
}

/// The program with the instructions in `known` as inputs "saved k".
Program with_saved(const Program& program, const std::vector<ValueId>& known) {
    ProgramBuilder builder;
    const std::vector<ValueId> inputs = copy_inputs(program, builder);
    std::vector<ValueId> saved;
    saved.reserve(known.size());
    for (std::size_t k = 0; k < known.size(); ++k)
        saved.push_back(
            builder.input({.name = saved_name(k), .extent = program.instructions[known[k]].extent, .saved = true}));
    copy_instructions(program, live_without(program, known), inputs, builder,
                      [&](ValueId id, const auto&) -> std::optional<ValueId> {
                          const auto found = std::ranges::find(known, id);
                          if (found == known.end()) return std::nullopt;
                          return saved[static_cast<std::size_t>(found - known.begin())];
                      });
    return builder.take();
}

std::vector<std::string> gradients_of(const std::vector<std::string>& names) {
    std::vector<std::string> gradients;
    gradients.reserve(names.size());
    for (const std::string& name : names) gradients.push_back("gradient of " + name);
    return gradients;
}

}  // namespace

LayerPrograms layer_programs(const primitives::LayerGraph& graph, double epsilon, bool training) {
    LayerPrograms programs;
    programs.forward = lower(graph, epsilon, training);
    for (const ProgramInput& input : programs.forward.inputs)
        if (!input.name.starts_with("average")) programs.differentiable.push_back(input.name);
    programs.whole_backward = differentiate(programs.forward, {"y"}, programs.differentiable);

    // The means of forward that backward reads. Forward's instructions stand at the same positions in backward.
    std::vector<ValueId> means;
    for (ValueId id = 0; id < programs.forward.instructions.size(); ++id)
        if (programs.forward.instructions[id].operation == Operation::mean) means.push_back(id);
    const std::vector<bool> live = live_without(programs.whole_backward, means);
    std::ranges::copy_if(means, std::back_inserter(programs.saved), [&](ValueId id) { return live[id]; });
    for (std::size_t k = 0; k < programs.saved.size(); ++k)
        programs.forward.outputs.push_back(
            {.name = saved_name(k), .value = programs.saved[k], .form = ProgramOutput::Form::table});
    programs.backward = with_saved(programs.whole_backward, programs.saved);
    return programs;
}

Program double_backward(const LayerPrograms& programs) {
    std::vector<std::string> of = programs.differentiable;
    of.emplace_back("gradient of y");
    return with_saved(differentiate(programs.whole_backward, gradients_of(programs.differentiable), of),
                      programs.saved);
}

}  // namespace normact::evaluator
