#pragma once

#include "primitives/generator.h"
#include "results/store.h"
#include "search/configuration.h"
#include "search/population.h"
#include "search/worker.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace normact::search {

/// True if the study has reached what the budget says of candidates; minutes are no matter of the study.
bool reached(const Budget& budget, const results::Funnel& funnel);

/// Decides what a worker evaluates next. Shared by the worker's threads, each of which passes a store of its own;
/// proposals are made one at a time, which costs microseconds where an evaluation costs minutes.
class Proposer {
  public:
    /// The random numbers depend on the study's seed and on the worker's id, which no two runs share: a study that is
    /// gone on with draws new ones. The initial layers are the first proposals of a study: one that has fewer
    /// candidates than initial layers begins with them again, and those that are known count as duplicates.
    Proposer(const Configuration& configuration, results::WorkerId worker, const results::Funnel& funnel);

    /// Claims an evaluation: one that another worker left behind, or of a new candidate; known and invalid ones are
    /// recorded and told on the way. Nothing if a stop was requested or the budget is reached.
    /// Throws std::runtime_error if a great many proposals in a row brought nothing new: the space is exhausted, and
    /// StoreError if a scored candidate's scores are not those of the study's tasks.
    std::optional<Assignment> next(results::Store& store, const std::stop_token& stop,
                                   const std::function<void(const Event&)>& tell);

  private:
    void read_new_scores(results::Store& store);
    results::Proposal draw();

    const Configuration& configuration_;
    results::WorkerId worker_;
    std::chrono::seconds lease_;
    std::vector<std::string> tasks_;
    std::mutex mutex_;  // of what follows
    Generator generator_;
    std::size_t next_initial_;
    Population population_;
    std::int64_t position_;  // in the store's sequence of scored candidates
};

}  // namespace normact::search
