#pragma once

#include "primitives/graph.h"
#include "proxy_tasks/outcome.h"
#include "results/store.h"
#include "search/configuration.h"

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

namespace normact::search {

/// What a worker is to evaluate.
struct Assignment {
    results::Candidate candidate;
    int attempt = 1;  ///< more where others have failed at it
    /// Tells other workers how far the evaluation is; from any thread.
    std::function<void(const proxy_tasks::Progress&)> tell{};
};

/// Evaluates a layer: the proxy tasks in a search, a cheap synthetic fitness in benchmarks.
using Evaluate = std::function<proxy_tasks::Outcome(const Assignment&, std::stop_token)>;

/// What a worker did with a candidate, for progress lines. Called from the worker's threads, one at a time.
struct Event {
    /// late: another worker's result was recorded first, and the candidate has that one
    enum class Kind { claimed, duplicate, invalid, rejected, scored, late, failed } kind;
    results::Candidate candidate;
};

/// Where a worker's doings are written down.
struct Log {
    std::function<void(const Event&)> report{};
    /// The last lines, which the study keeps with what goes wrong; from any thread.
    std::function<std::string()> tail{};
};

/// Proposes, claims, evaluates and records candidates of one study on `threads` threads until the budget is reached or
/// a stop is requested; then claims in flight are given back. `open` is called once a thread, and once more for the
/// thread that renews leases. Returns true if the budget was reached.
///
/// An evaluation that throws proxy_tasks::Stopped is given back; any other exception is recorded as a failed attempt,
/// and the search goes on. Throws that exception where a thread meets as many failures in a row as three layers have
/// attempts, and whatever the store throws; WorkerRefused where the study has refused this worker meanwhile. Claims
/// that could not be given back return after a lease. proxy_tasks::DeviceLost ends the work: all evaluations in flight
/// count as failed, for any of them may have done it.
bool work(const Configuration& configuration, const std::function<std::unique_ptr<results::Store>()>& open,
          const results::Worker& worker, int threads, const Evaluate& evaluate, const std::stop_token& stop,
          const Log& log = {});

}  // namespace normact::search
