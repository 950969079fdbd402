#include "search/replay.h"

#include "results/ranking.h"
#include "search/population.h"
#include "search/proposal.h"

#include <algorithm>
#include <set>
#include <stdexcept>
#include <utility>

namespace normact::search {
namespace {

/// After so many proposals in a row without a new record the search has met all that it can.
constexpr int most_vain_proposals = 10000;

}  // namespace

double Replay::known_share() const {
    const std::int64_t valid = proposed - invalid;
    return valid == 0 ? 0 : static_cast<double>(valid - unknown) / static_cast<double>(valid);
}

Replay replay(const RecordedLayers& layers, const EvolutionSettings& evolution, std::uint64_t seed,
              std::int64_t evaluations) {
    Generator generator(seed);
    Population population(evolution.window);
    std::set<primitives::Hash128> evaluated;
    auto initial = evolution.initial.begin();
    Replay run;
    double best = 0;
    int vain = 0;
    const auto may_go_on = [&] { return evaluated.size() < layers.records.size() && vain < most_vain_proposals; };
    while (std::cmp_less(run.best.size(), evaluations) && may_go_on()) {
        const results::Proposal proposal = initial != evolution.initial.end()
                                               ? propose_initial(*initial++)
                                               : propose(generator, layers.space, evolution, population);
        ++run.proposed;
        ++vain;
        if (!proposal.invalid.empty()) {
            ++run.invalid;
            continue;
        }
        const auto record = layers.records.find(proposal.fingerprint);
        if (record == layers.records.end()) {
            ++run.unknown;
            continue;
        }
        if (const auto& accuracies = record->second.accuracies; !accuracies.empty()) {
            Member member{run.proposed, proposal.graph, accuracies, cost_of(proposal.graph, evolution.cost)};
            best = std::max(best, mean_accuracy(member));
            population.add(std::move(member));
        }
        if (!evaluated.insert(proposal.fingerprint).second) continue;
        run.best.push_back(best);
        vain = 0;
    }
    run.exhausted = std::cmp_less(run.best.size(), evaluations);
    run.best.resize(static_cast<std::size_t>(evaluations), best);
    return run;
}

Estimate estimate(const std::vector<double>& values) {
    const auto mean = results::mean_of(values);
    if (!mean || !mean->margin) throw std::invalid_argument("an interval needs two values or more");
    return {mean->mean, *mean->margin};
}

}  // namespace normact::search
