#pragma once

#include "results/store.h"

#include <chrono>
#include <compare>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace normact::results {

/// What tells one training of a re-evaluation from all others.
struct TrialName {
    std::string condition;     ///< in canonical text: all that decides the value beside the layer and the replicate
    primitives::Hash128 hash;  ///< of the layer
    primitives::LayerSettings settings;
    int replicate = 0;

    auto operator<=>(const TrialName&) const = default;
};

/// A training to do: a layer, trained under a condition with the random numbers of a replicate.
struct Trial {
    TrialName name;
    primitives::LayerGraph graph;  ///< canonical
};

/// What became of one.
struct TrialRecord {
    enum class State { open, finished, quarantined };
    TrialName name;
    State state = State::open;
    bool held = false;   ///< by a worker whose lease runs
    double value = 0;    ///< if it is finished: never NaN
    double seconds = 0;  ///< that the training took
    std::string reason;  ///< why attempts failed, the last one's; empty if none did
};

/// The trials of a study: kept by what they are, so that each re-evaluation that asks for one finds it. Any number of
/// threads and processes may use them at once, each through a TrialStore of its own. Each member is one transaction.
/// All throw StoreError and StoreUnavailable; `claim` and `finish` throw WorkerRefused, as in Store.
class TrialStore {
  public:
    virtual ~TrialStore() = default;

    /// All trials, in the order of their names.
    virtual std::vector<TrialRecord> trials() = 0;

    /// Claims the first trial of these that is neither finished nor held nor quarantined, and returns its position. One
    /// that failed or vanished `maximum_attempts` times is quarantined instead.
    virtual std::optional<std::size_t> claim(WorkerId worker, std::span<const Trial> wanted, std::chrono::seconds lease,
                                             int maximum_attempts) = 0;

    /// Holds on to a claim. False if another worker has it by now.
    virtual bool renew(WorkerId worker, const TrialName& trial, std::chrono::seconds lease) = 0;

    /// Gives a claim back unfinished: it is open to others at once and the attempt doesn't count.
    virtual void release(WorkerId worker, const TrialName& trial) = 0;

    /// Records the value, from whichever worker that claimed the trial once: the first one stays, also after a
    /// quarantine. False if there was one already. Throws std::invalid_argument for a value that is not finite,
    /// StoreError for a trial that nobody has claimed.
    virtual bool finish(WorkerId worker, const TrialName& trial, double value, double seconds) = 0;

    /// Records why an attempt failed (an error of the program or machine, not of the layer), and gives the claim back.
    virtual void fail(WorkerId worker, const TrialName& trial, const std::string& reason) = 0;

    /// Opens all quarantined trials for attempts anew. Returns how many that were.
    virtual std::int64_t retry_quarantined() = 0;
};

}  // namespace normact::results
