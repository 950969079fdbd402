#include "tools/reevaluation.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

namespace normact::tools {
namespace {

using State = results::TrialRecord::State;

const results::TrialRecord* find(const KnownTrials& known, const results::TrialName& name) {
    const auto found = known.find(name);
    return found == known.end() ? nullptr : &found->second;
}

OpenTrial open_trial(const Reevaluation& reevaluation, const Condition& condition, const results::Slot& slot,
                     const KnownTrials& known) {
    const ReevaluatedLayer& layer = reevaluation.layers.at(slot.layer);
    OpenTrial open{&condition, slot.layer, {trial_name(condition, layer, slot.seed), layer.layer.graph}, false};
    const auto* const record = find(known, open.trial.name);
    open.held = record != nullptr && record->held;
    return open;
}

/// Every seed of the layers that are still in the race, without a choice: test images choose nothing.
std::vector<results::Slot> slots_on_test_images(const Reevaluation& reevaluation, const std::vector<bool>& running,
                                                const KnownTrials& known) {
    std::vector<results::Slot> slots;
    for (int seed = 0; seed < reevaluation.seeds; ++seed)
        for (std::size_t condition = 0; condition < reevaluation.test_conditions.size(); ++condition)
            for (std::size_t layer = 0; layer < running.size(); ++layer) {
                const auto name = trial_name(reevaluation.test_conditions[condition], reevaluation.layers[layer], seed);
                const auto* const record = find(known, name);
                if (running[layer] && (record == nullptr || record->state == State::open))
                    slots.push_back({condition, layer, seed});
            }
    return slots;
}

}  // namespace

std::string datasets(const Reevaluation& reevaluation) {
    std::vector<std::string> names;
    for (const Condition& condition : reevaluation.conditions) {
        const std::string& name = condition.configuration.scoring.dataset.name;
        if (std::ranges::find(names, name) == names.end()) names.push_back(name);
    }
    return fmt::format("{}", fmt::join(names, ", "));
}

KnownTrials by_name(std::vector<results::TrialRecord> records) {
    KnownTrials known;
    for (results::TrialRecord& record : records) {
        const results::TrialName name = record.name;
        known.emplace(name, std::move(record));
    }
    return known;
}

results::TrialName trial_name(const Condition& condition, const ReevaluatedLayer& layer, int seed) {
    // Of the trainings that decided the race, those of the survivors were the lucky ones.
    constexpr int first_on_test_images = 1000;  // which no race reaches
    return {condition.text, layer.hash, layer.layer.settings,
            condition.on_test_images ? first_on_test_images + seed : seed};
}

std::vector<results::Measured> measured(const Reevaluation& reevaluation, const std::vector<Condition>& conditions,
                                        const KnownTrials& known) {
    std::vector<results::Measured> all;
    for (const Condition& condition : conditions) {
        results::Measured one{condition.measure, {}};
        for (const ReevaluatedLayer& layer : reevaluation.layers) {
            std::vector<std::optional<double>> row;
            for (int seed = 0; seed < reevaluation.seeds; ++seed) {
                const auto* const record = find(known, trial_name(condition, layer, seed));
                const bool finished = record != nullptr && record->state == State::finished;
                row.push_back(finished ? std::optional(record->value) : std::nullopt);
            }
            one.values.push_back(std::move(row));
        }
        all.push_back(std::move(one));
    }
    return all;
}

Plan plan(const Reevaluation& reevaluation, const KnownTrials& known) {
    const auto is_lost = [&](const results::Slot& slot) {
        const Condition& condition = reevaluation.conditions.at(slot.condition);
        const auto* const record = find(known, trial_name(condition, reevaluation.layers.at(slot.layer), slot.seed));
        return record != nullptr && record->state == State::quarantined;
    };
    const auto conditions = measured(reevaluation, reevaluation.conditions, known);
    Plan plan{results::race(conditions, reevaluation.seeds, is_lost), {}, false};
    plan.on_test_images = plan.race.missing.empty() && !reevaluation.test_conditions.empty();
    const auto& of = plan.on_test_images ? reevaluation.test_conditions : reevaluation.conditions;
    const auto slots =
        plan.on_test_images ? slots_on_test_images(reevaluation, plan.race.running, known) : plan.race.missing;
    for (const results::Slot& slot : slots)
        plan.open.push_back(open_trial(reevaluation, of.at(slot.condition), slot, known));
    return plan;
}

}  // namespace normact::tools
