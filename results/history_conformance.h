#pragma once

// That a store agrees with a simple model of it after any history: a further suite over the factory of
// store_conformance.h.

#include "results/store_conformance.h"

#include <rapidcheck/gtest.h>

#include <cstdlib>
#include <map>
#include <utility>
#include <vector>

namespace normact::results {

class HistoryConformance : public StoreConformance {
  protected:
    /// What a store should hold, kept in the simplest way.
    struct Model {
        struct Function {
            std::vector<CandidateId> candidates;
            State state = State::open;
        };
        std::map<std::uint64_t, Function> functions;
        std::vector<CandidateId> scored;
        std::int64_t proposed = 0, invalid = 0;
    };

    void propose_valid(Model& model, std::uint64_t function) {
        const bool is_new = !model.functions.contains(function);
        const auto admission = propose(function, no_lease);
        RC_ASSERT((admission.verdict == Verdict::claimed) == is_new);
        ++model.proposed;
        auto& entry = model.functions[function];
        entry.candidates.push_back(admission.candidate);
        if (entry.state == State::scored) model.scored.push_back(admission.candidate);
    }

    void propose_invalid(Model& model, std::uint64_t function) {
        auto invalid = proposal(function);
        invalid.invalid = "not finite";
        store->propose(worker, invalid, no_lease);
        ++model.proposed, ++model.invalid;
    }

    /// Ends the evaluation of a function that was proposed, unless it has ended.
    void finish_in_both(Model& model, std::uint64_t function, State state) {
        const auto known = model.functions.find(function);
        if (known == model.functions.end()) return;
        auto& entry = known->second;
        const bool unfinished = entry.state == State::open || entry.state == State::quarantined;
        const auto outcome = state == State::scored ? scored(0.5, 0.5) : rejected(Rejection::quality);
        RC_ASSERT(finish(function, outcome) == unfinished);
        if (!unfinished) return;
        entry.state = state;
        if (state == State::scored)
            model.scored.insert(model.scored.end(), entry.candidates.begin(), entry.candidates.end());
    }

    void reclaim(Model& model) {
        const auto claim = store->reclaim(worker, no_lease, 2);
        for (auto& [number, entry] : model.functions)  // what was quarantined on the way
            if (entry.state == State::open) entry.state = store->find(entry.candidates.front())->state;
        if (claim) RC_ASSERT(model.functions.at(claim->fingerprint.low).state == State::open);
    }

    void act(Model& model, int action, std::uint64_t function) {
        const auto fingerprint = proposal(function).fingerprint;
        switch (std::abs(action % 8)) {
            case 0:
            case 1:
                return propose_valid(model, function);
            case 2:
                return propose_invalid(model, function);
            case 3:
                return finish_in_both(model, function, State::scored);
            case 4:
                return finish_in_both(model, function, State::rejected);
            case 5:
                if (model.functions.contains(function)) store->fail(worker, fingerprint, "no memory");
                return;
            case 6:
                return store->release(worker, fingerprint);
            default:
                return reclaim(model);
        }
    }

    void expect_agreement(const Model& model) {
        RC_ASSERT(ids_scored_since(0) == model.scored);
        std::map<State, std::int64_t> count;
        std::int64_t duplicates = 0;
        for (const auto& [number, entry] : model.functions) {
            ++count[entry.state];
            duplicates += static_cast<std::int64_t>(entry.candidates.size()) - 1;
            for (const auto id : entry.candidates) RC_ASSERT(store->find(id)->state == entry.state);
        }
        const auto funnel = store->funnel();
        RC_ASSERT(funnel.proposed == model.proposed);
        RC_ASSERT(funnel.invalid == model.invalid);
        RC_ASSERT(funnel.duplicate == duplicates);
        RC_ASSERT(funnel.scored == count[State::scored]);
        RC_ASSERT(funnel.quality == count[State::rejected]);
        RC_ASSERT(funnel.quarantined == count[State::quarantined]);
        RC_ASSERT(funnel.open == count[State::open]);
        RC_ASSERT(store->best(100).size() == static_cast<std::size_t>(count[State::scored]));
    }
};

TEST_P(HistoryConformance, agrees_with_a_simple_model_after_any_history) {
    rc::detail::checkGTest([this](const std::vector<std::pair<int, int>>& history) {
        fresh_study();
        Model model;
        for (const auto& [action, draw] : history) act(model, action, static_cast<std::uint64_t>(std::abs(draw % 4)));
        expect_agreement(model);
    });
}

}  // namespace normact::results
