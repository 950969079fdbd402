#pragma once

// What tests of the databases' plans run: no query of the search's loop may slow down as a study grows.

#include "results/study_place.h"

#include <chrono>
#include <cstdint>

namespace normact::results {

/// Calls every member that the search's loop uses, and those that read a study in pages.
inline void use_every_member(Store& store) {
    const std::chrono::seconds no_lease{0};
    const auto worker = store.add_worker({"host", 1, "cpu", "aten", "0"});
    std::int64_t position = 0;
    for (std::uint64_t function = 0; function < 3; ++function) store.propose(worker, proposal(function), no_lease);
    store.renew(worker, proposal(0).fingerprint, no_lease);
    store.release(worker, proposal(0).fingerprint);
    store.fail(worker, proposal(1).fingerprint, "no memory");
    store.keep_log(worker, "log");
    while (store.reclaim(worker, no_lease, 2)) {
    }
    store.finish(worker, proposal(2).fingerprint, scored(0.5, 0.5));
    store.propose(worker, proposal(2), no_lease);
    store.scored_since(0, 100, position);
    store.best(10);
    store.accuracy_at_rank(3);
    store.find(1);
    store.candidates_after(1, 100);
    store.evaluated_by(proposal(2).fingerprint);
    store.canary({"other", 1, "cpu", "cpu", "a new build"});
    store.funnel();
}

/// The search's loop, one fresh function a round, beside somebody who reads pages.
class Loop {
  public:
    /// Functions are counted from `first`.
    explicit Loop(Store& store, std::uint64_t first = 0)
        : store_(store), worker_(store.add_worker({"host", 1, "cpu", "aten", "0"})), functions_(first) {
        position_ = store.funnel().last_position;
    }
    void go_around(int times) {
        for (int round = 0; round < times; ++round) {
            const auto fresh = proposal(++functions_);
            store_.propose(worker_, fresh, long_lease);
            store_.reclaim(worker_, long_lease, 3);
            store_.renew(worker_, fresh.fingerprint, long_lease);
            store_.finish(worker_, fresh.fingerprint, scored(1.0 / static_cast<double>(functions_), 0.5));
            store_.propose(worker_, fresh, long_lease);
            store_.scored_since(position_, 100, position_);
            store_.best(10);
            store_.candidates_after(static_cast<CandidateId>(functions_) / 2, 3);
            store_.funnel();
        }
    }
    std::uint64_t functions() const { return functions_; }

  private:
    Store& store_;
    WorkerId worker_;
    std::uint64_t functions_;
    std::int64_t position_ = 0;
};

}  // namespace normact::results
