#include "evaluator/schedule.h"

#include "evaluator/kept_values.h"

#include <algorithm>
#include <functional>
#include <set>
#include <utility>

namespace normact::evaluator {
namespace {

using primitives::IndexSet;

class Scheduling {
  public:
    Scheduling(const Program& program, Reuse reuse)
        : factored_(factor_means(program)), live_(live_with_plane_means(factored_)), reuse_(reuse) {}

    Schedule run() {
        for (std::size_t k = 0; k < factored_.plane_means.size(); ++k)
            if (live_[factored_.plane_means[k].input]) add_to(factored_.plane_means[k].of).plane_means.push_back(k);
        for (std::size_t k = 0; k < program().outputs.size(); ++k)
            if (program().outputs[k].form == ProgramOutput::Form::tensor)
                add_to(program().outputs[k].value).outputs.push_back(k);
        for (Sweep& sweep : sweeps_) fill(sweep);
        place_small_values();
        return {std::move(factored_), std::move(sweeps_), std::move(small_after_)};
    }

  private:
    const Program& program() const { return factored_.program; }
    const Instruction& at(ValueId id) const { return program().instructions[id]; }
    Time time(ValueId id) const { return factored_.times[id]; }
    bool is_small(ValueId id) const { return !at(id).extent.has_pixels(); }

    static std::vector<bool> live_with_plane_means(const FactoredProgram& factored) {
        std::vector<ValueId> mean_of(factored.program.instructions.size(), none);
        for (const PlaneMean& mean : factored.plane_means) mean_of[mean.input] = mean.of;
        return live_instructions(factored.program, [&](ValueId id) {
            return mean_of[id] != none ? std::span<const ValueId>(&mean_of[id], 1)
                                       : operands_of(factored.program.instructions[id]);
        });
    }

    /// The pass in which the value is computed, made if there is none yet.
    Pass& add_to(ValueId id) {
        const auto [sweep, pass] = time(id);
        sweeps_.resize(std::max<std::size_t>(sweeps_.size(), sweep + 1));
        auto& passes = sweeps_[sweep].passes;
        passes.resize(std::max<std::size_t>(passes.size(), pass + 1));
        return passes[pass];
    }

    void fill(Sweep& sweep) const {
        std::set<ValueId> computed, kept;
        for (Pass& pass : sweep.passes) {
            std::vector<ValueId> results;
            results.reserve(pass.plane_means.size() + pass.outputs.size());
            for (const std::size_t k : pass.plane_means) results.push_back(factored_.plane_means[k].of);
            for (const std::size_t k : pass.outputs) results.push_back(program().outputs[k].value);
            const auto read_back =
                reuse_ == Reuse::keep ? values_to_keep(program(), results, computed) : std::set<ValueId>();
            fill(pass, results, read_back);
            computed.insert(pass.instructions.begin(), pass.instructions.end());
            kept.insert(read_back.begin(), read_back.end());
        }
        sweep.kept.assign(kept.begin(), kept.end());
        for (Pass& pass : sweep.passes)  // the first that computes it
            for (const ValueId id : pass.instructions)
                if (kept.erase(id) != 0) pass.keeps.push_back(id);
    }

    void fill(Pass& pass, const std::vector<ValueId>& results, const std::set<ValueId>& read_back) const {
        std::set<ValueId> needed;
        const std::function<void(ValueId)> need = [&](ValueId id) {
            if (at(id).operation == Operation::constant || !needed.insert(id).second) return;
            if (is_small(id) || read_back.contains(id)) return;
            for (const ValueId operand : operands_of(at(id))) need(operand);
        };
        for (const ValueId id : results) need(id);
        for (const ValueId id : needed) {
            if (is_small(id))
                pass.small_values.push_back(id);
            else if (read_back.contains(id))
                pass.kept_inputs.push_back(id);
            else if (at(id).operation == Operation::input)
                pass.inputs.push_back(id);
            else
                pass.instructions.push_back(id);
        }
    }

    /// Small values that a later pass of the same sweep reads are computed block by block, the others between sweeps.
    void place_small_values() {
        for (std::size_t s = 0; s < sweeps_.size(); ++s) {
            std::set<ValueId> in_block;
            const std::function<void(ValueId)> need = [&](ValueId id) {
                if (!std::cmp_equal(time(id).sweep, s) || time(id).pass == 0 || !is_computed(id)) return;
                if (!in_block.insert(id).second) return;
                for (const ValueId operand : operands_of(at(id))) need(operand);
            };
            for (const Pass& pass : sweeps_[s].passes)
                for (const ValueId id : pass.small_values) need(id);
            for (const ValueId id : in_block) {
                Sweep& sweep = sweeps_[s];
                sweep.passes[static_cast<std::size_t>(time(id).pass) - 1].small_instructions.push_back(id);
                if (at(id).operation == Operation::mean)
                    sweep.block = std::max(sweep.block, at(id).over == IndexSet::layer ? Block::image : Block::group);
                placed_.insert(id);
            }
        }
        for (ValueId id = 0; id < program().instructions.size(); ++id) {
            if (!live_[id] || !is_small(id) || !is_computed(id) || placed_.contains(id)) continue;
            // After the sweep that gives what it needs.
            const std::size_t sweep = static_cast<std::size_t>(time(id).sweep) + (time(id).pass > 0 ? 1 : 0);
            (sweep < sweeps_.size() ? sweeps_[sweep].small_before : small_after_).push_back(id);
        }
    }

    bool is_computed(ValueId id) const {
        return at(id).operation != Operation::input && at(id).operation != Operation::constant;
    }

    static constexpr ValueId none = ~ValueId{0};

    FactoredProgram factored_;
    std::vector<bool> live_;
    Reuse reuse_;
    std::vector<Sweep> sweeps_;
    std::vector<ValueId> small_after_;
    std::set<ValueId> placed_;
};

}  // namespace

Schedule schedule(const Program& program, Reuse reuse) { return Scheduling(program, reuse).run(); }

int elements_moved(const Schedule& schedule) {
    std::size_t moved = 0;
    for (const Sweep& sweep : schedule.sweeps) {
        std::set<ValueId> inputs;
        for (const Pass& pass : sweep.passes) {
            inputs.insert(pass.inputs.begin(), pass.inputs.end());
            moved += pass.outputs.size();
        }
        moved += inputs.size();
    }
    return static_cast<int>(moved);
}

int least_elements_moved(const Schedule& schedule) {
    const Program& program = schedule.program();
    const auto inputs =
        std::ranges::count_if(program.inputs, [](const auto& input) { return input.extent.has_pixels(); });
    const auto outputs = std::ranges::count(program.outputs, ProgramOutput::Form::tensor, &ProgramOutput::form);
    return static_cast<int>(inputs) * static_cast<int>(schedule.sweeps.size()) + static_cast<int>(outputs);
}

int operations_an_element(const Schedule& schedule) {
    constexpr int transcendental = 12;
    int operations = 0;
    for (const Sweep& sweep : schedule.sweeps)
        for (const Pass& pass : sweep.passes) {
            operations += static_cast<int>(pass.plane_means.size());
            for (const ValueId id : pass.instructions)
                operations += row_of(schedule.program().instructions[id].operation).transcendental ? transcendental : 1;
        }
    return operations;
}

std::string to_text(const Schedule& schedule) {
    const Program& program = schedule.program();
    std::string text;
    const auto list = [&](std::string_view what, const std::vector<ValueId>& ids) {
        for (const ValueId id : ids) text += "    " + std::string(what) + instruction_text(program, id) + "\n";
    };
    for (std::size_t s = 0; s < schedule.sweeps.size(); ++s) {
        const Sweep& sweep = schedule.sweeps[s];
        list("table ", sweep.small_before);
        constexpr std::array<std::string_view, 3> blocks{"plane", "group", "image"};
        text += "sweep " + std::to_string(s) + ", for each " +
                std::string(blocks[static_cast<std::size_t>(sweep.block)]) + ":\n";
        for (const Pass& pass : sweep.passes) {
            text += "  pass\n";
            list("load ", pass.inputs);
            list("read back ", pass.kept_inputs);
            list("", pass.instructions);
            for (const std::size_t k : pass.plane_means)
                text += "    " +
                        program.inputs[program.instructions[schedule.factored.plane_means[k].input].operands[0]].name +
                        " = mean over plane of %" + std::to_string(schedule.factored.plane_means[k].of) + "\n";
            for (const std::size_t k : pass.outputs)
                text +=
                    "    store " + program.outputs[k].name + " = %" + std::to_string(program.outputs[k].value) + "\n";
            for (const ValueId id : pass.keeps) text += "    keep %" + std::to_string(id) + "\n";
            list("  table ", pass.small_instructions);
        }
    }
    list("table ", schedule.small_after);
    return text + "moves " + std::to_string(4 * elements_moved(schedule)) +
           " bytes an element in float32; the floor is " + std::to_string(4 * least_elements_moved(schedule)) + "; " +
           std::to_string(operations_an_element(schedule)) + " operations an element\n";
}

}  // namespace normact::evaluator
