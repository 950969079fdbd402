#include "search/proposer.h"

#include "search/proposal.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

namespace normact::search {
namespace {

using results::Admission;
using results::Candidate;

/// Proposals in a row without a new function after which a space counts as exhausted. Where as few as one in a hundred
/// proposals is new, this happens by chance once in 10^21 rows.
constexpr int most_vain_proposals = 5000;

Generator seeded(std::uint64_t seed, results::WorkerId worker) {
    std::seed_seq sequence{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32),
                           static_cast<std::uint32_t>(worker), static_cast<std::uint32_t>(worker >> 32)};
    return Generator(sequence);
}

Candidate candidate_of(const results::Proposal& proposal, results::CandidateId id) {
    Candidate candidate;
    candidate.id = id;
    candidate.graph = proposal.graph;
    candidate.hash = proposal.hash;
    candidate.fingerprint = proposal.fingerprint;
    candidate.parent = proposal.parent;
    candidate.origin = proposal.origin;
    if (!proposal.invalid.empty()) {
        candidate.state = Candidate::State::rejected;
        candidate.outcome.rejection = proxy_tasks::Rejection::invalid;
        candidate.outcome.reason = proposal.invalid;
    }
    return candidate;
}

Event::Kind kind_of(Admission::Verdict verdict) {
    switch (verdict) {
        case Admission::Verdict::duplicate:
            return Event::Kind::duplicate;
        case Admission::Verdict::invalid:
            return Event::Kind::invalid;
        default:
            return Event::Kind::claimed;
    }
}

/// A scored candidate as selection sees it. Throws StoreError unless it has one accuracy for each of the study's tasks:
/// others can't be compared.
Member member_of(Candidate candidate, const std::vector<std::string>& tasks, Cost cost) {
    Member member{candidate.id, std::move(candidate.graph), {}};
    member.cost = cost_of(member.graph, cost);
    const auto& scores = candidate.outcome.scores;
    for (const std::string& task : tasks) {
        const auto score = std::ranges::find(scores, task, &proxy_tasks::Score::task);
        if (scores.size() != tasks.size() || score == scores.end() || !std::isfinite(score->accuracy))
            throw results::StoreError("the study is damaged: the scores of candidate " + std::to_string(candidate.id) +
                                      " are not one accuracy for each anchor. Restore it from a copy");
        member.accuracies.push_back(score->accuracy);
    }
    return member;
}

/// Where to begin to read scored candidates: what is older would leave the window at once.
std::int64_t first_position(int window, const results::Funnel& funnel) {
    return window == 0 ? 0 : std::max<std::int64_t>(0, funnel.last_position - window);
}

}  // namespace

bool reached(const Budget& budget, const results::Funnel& funnel) {
    return (budget.scored > 0 && funnel.scored >= budget.scored) ||
           (budget.proposed > 0 && funnel.proposed >= budget.proposed);
}

Proposer::Proposer(const Configuration& configuration, results::WorkerId worker, const results::Funnel& funnel)
    : configuration_(configuration),
      worker_(worker),
      lease_(configuration.lease_seconds),
      tasks_(tasks_of(configuration.scoring)),
      generator_(seeded(configuration.seed, worker)),
      next_initial_(std::cmp_less(funnel.proposed, configuration.evolution.initial.size())
                        ? 0
                        : configuration.evolution.initial.size()),
      population_(configuration.evolution.window),
      position_(first_position(configuration.evolution.window, funnel)) {}

std::optional<Assignment> Proposer::next(results::Store& store, const std::stop_token& stop,
                                         const std::function<void(const Event&)>& tell) {
    const std::scoped_lock lock(mutex_);
    if (stop.stop_requested() || reached(configuration_.budget, store.funnel())) return std::nullopt;
    if (const auto claim = store.reclaim(worker_, lease_, configuration_.maximum_attempts)) {
        Assignment assignment{store.find(claim->candidate).value(), claim->attempt};
        tell({Event::Kind::claimed, assignment.candidate});
        return assignment;
    }
    for (int vain = 0; vain < most_vain_proposals; ++vain) {
        const results::Funnel funnel = store.funnel();
        if (stop.stop_requested() || reached(configuration_.budget, funnel)) return std::nullopt;
        position_ = std::max(position_, first_position(configuration_.evolution.window, funnel));
        if (funnel.last_position > position_) read_new_scores(store);
        const results::Proposal proposal = draw();
        const Admission admission = store.propose(worker_, proposal, lease_);
        Candidate candidate = candidate_of(proposal, admission.candidate);
        tell({kind_of(admission.verdict), candidate});
        if (admission.verdict == Admission::Verdict::claimed) return Assignment{std::move(candidate)};
    }
    throw std::runtime_error("nothing new was found in " + std::to_string(most_vain_proposals) +
                             " proposals in a row: the space seems exhausted; a larger one (space.*) holds more");
}

void Proposer::read_new_scores(results::Store& store) {
    constexpr int at_once = 1000;
    std::vector<Candidate> scored;
    do {
        scored = store.scored_since(position_, at_once, position_);
        for (Candidate& candidate : scored)
            population_.add(member_of(std::move(candidate), tasks_, configuration_.evolution.cost));
    } while (scored.size() == at_once);
}

results::Proposal Proposer::draw() {
    const std::vector<std::string>& initial = configuration_.evolution.initial;
    if (next_initial_ < initial.size()) return propose_initial(initial[next_initial_++]);
    return propose(generator_, configuration_.space, configuration_.evolution, population_);
}

}  // namespace normact::search
