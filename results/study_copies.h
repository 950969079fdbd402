#pragma once

// What a copy of a study must be, from any place to any other.

#include "results/study.h"
#include "results/study_copy.h"
#include "results/study_place.h"
#include "results/trials.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace normact::results {

/// Fills a study with one of everything.
inline void do_everything(Store& store) {
    const auto worker = store.add_worker({"host \xc3\xbc", 7, "cpu: x", "cpu", "build"});
    for (std::uint64_t function = 1; function <= 5; ++function) {
        auto layer = proposal(function);
        if (function > 1) layer.parent = 1;
        store.propose(worker, layer, long_lease);
    }
    auto invalid = proposal(6);
    invalid.invalid = "not finite";
    store.propose(worker, invalid, long_lease);
    store.finish(worker, proposal(1).fingerprint, scored(1.0 / 3, 0.25));
    store.propose(worker, proposal(1), long_lease);
    store.finish(worker, proposal(2).fingerprint, rejected(proxy_tasks::Rejection::stability));
    store.finish(worker, proposal(3).fingerprint, scored(std::nan(""), 0.5));
    store.propose(worker, proposal(7), long_lease);
    store.finish(worker, proposal(7).fingerprint, audited(proxy_tasks::Rejection::quality, 0.5, 0.25));
    store.keep_log(worker, "0:30 one scored");
    store.fail(worker, proposal(4).fingerprint, "out of memory", "0:20 none scored");
    store.reclaim(worker, long_lease, 1);
    store.renew(worker, proposal(5).fingerprint, long_lease, {"training a", 3, 9});
}

/// A trial whose condition has this number.
inline Trial trial(int number, int replicate = 0) {
    return {{"{\"batch\": " + std::to_string(number) + "}", proposal(1).hash, {8, 1e-5}, replicate}, proposal(1).graph};
}

/// One of each state, for the worker that do_everything has added.
inline void do_trials(TrialStore& trials) {
    const WorkerId worker = 1;
    const std::vector<Trial> all{trial(1), trial(2), trial(3)};
    for (const Trial& one : all) trials.claim(worker, std::span(&one, 1), std::chrono::seconds(0), 3);
    trials.finish(worker, all[0].name, 1.0 / 3, 2.5);
    trials.fail(worker, all[1].name, "no memory \xc3\xbc");
    trials.claim(worker, std::span(&all[1], 1), long_lease, 1);
    trials.renew(worker, all[2].name, long_lease);
}

inline void expect_same_trials(TrialStore& from, TrialStore& to) {
    const auto one = from.trials(), other = to.trials();
    ASSERT_EQ(one.size(), 3u);
    ASSERT_EQ(other.size(), 3u);
    for (std::size_t i = 0; i < one.size(); ++i) {
        EXPECT_EQ(one[i].name, other[i].name);
        EXPECT_EQ(one[i].state, other[i].state);
        EXPECT_EQ(one[i].value, other[i].value);
        EXPECT_EQ(one[i].reason, other[i].reason);
    }
    const Trial later = trial(4);
    EXPECT_TRUE(to.claim(1, std::span(&later, 1), long_lease, 3));
}

inline void expect_same(const Candidate& a, const Candidate& b) {
    EXPECT_EQ(a.graph, b.graph);
    EXPECT_EQ(a.hash, b.hash);
    EXPECT_EQ(a.fingerprint, b.fingerprint);
    EXPECT_EQ(a.parent, b.parent);
    EXPECT_EQ(a.origin, b.origin);
    EXPECT_EQ(a.state, b.state);
    EXPECT_EQ(a.evaluated, b.evaluated);
    EXPECT_EQ(a.outcome.rejection, b.outcome.rejection);
    EXPECT_EQ(a.outcome.reason, b.outcome.reason);
    EXPECT_EQ(a.outcome.seconds, b.outcome.seconds);
    ASSERT_EQ(a.outcome.scores.size(), b.outcome.scores.size());
    for (std::size_t i = 0; i < a.outcome.scores.size(); ++i) {
        const double one = a.outcome.scores[i].accuracy, other = b.outcome.scores[i].accuracy;
        EXPECT_EQ(a.outcome.scores[i].task, b.outcome.scores[i].task);
        EXPECT_TRUE(one == other || (std::isnan(one) && std::isnan(other))) << one << " " << other;
    }
}

/// Both studies hold the same, and the copy can be gone on with.
inline void expect_copy(Store& from, Store& to) {
    EXPECT_EQ(from.configuration(), to.configuration());
    const auto funnel = from.funnel();
    EXPECT_EQ(to.funnel().proposed, funnel.proposed);
    EXPECT_EQ(to.funnel().scored, funnel.scored);
    EXPECT_EQ(to.funnel().open, funnel.open);
    for (CandidateId id = 1; id <= funnel.proposed; ++id) {
        SCOPED_TRACE(id);
        ASSERT_TRUE(to.find(id));
        expect_same(*from.find(id), *to.find(id));
    }
    EXPECT_EQ(to.audits().at(0).accuracy, from.audits().at(0).accuracy);
    std::int64_t position = 0;
    EXPECT_EQ(from.scored_since(0, 100, position).size(), to.scored_since(0, 100, position).size());
    EXPECT_EQ(to.workers(long_lease).at(0).worker.host, "host \xc3\xbc");
    EXPECT_EQ(to.workers(long_lease).at(0).claims.at(0).progress.step, 3);
    const auto worker = to.add_worker({"later", 1, "cpu", "cpu", "0"});
    EXPECT_EQ(to.propose(worker, proposal(77), long_lease).candidate, funnel.proposed + 1);
    EXPECT_TRUE(to.finish(worker, proposal(77).fingerprint, scored(0.5, 0.5)));
}

}  // namespace normact::results
