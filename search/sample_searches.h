#pragma once

// Studies whose evaluations are plain functions: what the tests of workers share.

#include "primitives/hash.h"
#include "proxy_tasks/scorer.h"
#include "results/study_file.h"
#include "search/worker.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

namespace normact::search {

using namespace std::chrono_literals;
using Kind = Event::Kind;
using proxy_tasks::Outcome;
using proxy_tasks::Rejection;
using results::Candidate;

/// A score that any function gets at once: it depends on the graph alone.
inline Outcome quick_score(const primitives::LayerGraph& graph, const std::stop_token& = {}) {
    Outcome outcome;
    const double accuracy = static_cast<double>(primitives::hash(graph).low >> 11) * 0x1p-53;
    outcome.scores = {{.task = "test/a", .accuracy = accuracy}, {.task = "test/b", .accuracy = 1 - accuracy}};
    return outcome;
}

/// Waits until a stop is requested, as a long training would notice it.
inline Outcome never_ready(const primitives::LayerGraph&, const std::stop_token& stop) {
    while (!stop.stop_requested()) std::this_thread::sleep_for(1ms);
    throw proxy_tasks::Stopped();
}

using EvaluateGraph = std::function<Outcome(const primitives::LayerGraph&, const std::stop_token&)>;

inline Evaluate of_graph(EvaluateGraph evaluate) {
    return [evaluate = std::move(evaluate)](const Assignment& assignment, const std::stop_token& stop) {
        return evaluate(assignment.candidate.graph, stop);
    };
}

/// A study with a budget of scored layers (0: none), and what its workers told.
struct Study {
    explicit Study(std::int64_t scored = 0) {
        configuration.budget.scored = scored;
        configuration.scoring.dataset.name = "test";
        configuration.scoring.anchors = {"a", "b"};
    }

    Configuration configuration;
    results::StudyFile file{"{}"};
    std::vector<Event> events;
    std::mutex mutex;           // of attempts
    std::vector<int> attempts;  // of each evaluation

    bool run(int threads, const EvaluateGraph& evaluate, const std::stop_token& stop = {}) {
        const auto recorded = [&](const Assignment& assignment, const std::stop_token& token) {
            {
                const std::scoped_lock lock(mutex);
                attempts.push_back(assignment.attempt);
            }
            return evaluate(assignment.candidate.graph, token);
        };
        return work(
            configuration, [this] { return file.open(); }, results::Worker(), threads, recorded, stop,
            {.report = [this](const Event& event) { events.push_back(event); }, .tail = [] { return "the end"; }});
    }

    results::Funnel funnel() { return file.open()->funnel(); }

    std::int64_t told(Kind kind) const { return std::ranges::count(events, kind, &Event::kind); }
};

}  // namespace normact::search
