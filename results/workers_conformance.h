#pragma once

// What every store knows of its workers: a second suite over the factory of store_conformance.h.

#include "results/store_conformance.h"

#include <thread>

namespace normact::results {

class WorkersConformance : public StoreConformance {
  protected:
    static constexpr std::chrono::seconds lately{3600};

    std::vector<WorkerId> ids() {
        std::vector<WorkerId> found;
        for (const WorkerStatus& status : store->workers(lately)) found.push_back(status.id);
        return found;
    }
    /// A worker's score or rejection of a function, from proposal to result.
    void evaluate(WorkerId by, std::uint64_t function, const proxy_tasks::Outcome& outcome) {
        store->propose(by, proposal(function), long_lease);
        ASSERT_TRUE(store->finish(by, proposal(function).fingerprint, outcome));
    }
};

TEST_P(WorkersConformance, lists_those_that_are_alive_with_their_claims_and_how_far_they_are) {
    const auto other = add_worker("other");
    const auto id = propose(1).candidate;
    store->renew(worker, proposal(1).fingerprint, long_lease, {"training resnet-tiny", 120, 400});
    evaluate(other, 2, scored(0.5, 0.5));
    const auto found = store->workers(lately);
    ASSERT_EQ(found.size(), 2u);
    EXPECT_EQ(found[0].id, worker);
    EXPECT_EQ(found[0].worker.host, "host");
    EXPECT_EQ(found[0].worker.process, 42);
    EXPECT_LT(found[0].seen, lately);
    EXPECT_EQ(found[0].evaluated, 0);
    ASSERT_EQ(found[0].claims.size(), 1u);
    EXPECT_EQ(found[0].claims[0].candidate, id);
    EXPECT_EQ(found[0].claims[0].progress.stage, "training resnet-tiny");
    EXPECT_EQ(found[0].claims[0].progress.step, 120);
    EXPECT_EQ(found[0].claims[0].progress.steps, 400);
    EXPECT_EQ(found[1].id, other);
    EXPECT_EQ(found[1].evaluated, 1);
    EXPECT_TRUE(found[1].claims.empty());
}

TEST_P(WorkersConformance, lists_neither_the_ended_nor_the_silent) {
    const auto other = add_worker("other");
    store->end_worker(worker);
    EXPECT_EQ(ids(), (std::vector{other}));
    EXPECT_TRUE(store->workers(no_lease).empty());
}

TEST_P(WorkersConformance, forgets_how_far_an_evaluation_was_when_another_takes_it_over) {
    propose(1, no_lease);
    store->renew(worker, proposal(1).fingerprint, no_lease, {"training a", 9, 10});
    const auto other = add_worker("other");
    ASSERT_TRUE(store->reclaim(other, long_lease, 3));
    EXPECT_EQ(store->workers(lately)[1].claims.at(0).progress.stage, "");
}

TEST_P(WorkersConformance, counts_what_was_finished_lately) {
    EXPECT_EQ(store->finished_within(lately), 0);
    evaluate(worker, 1, scored(0.5, 0.5));
    evaluate(worker, 2, rejected(Rejection::quality));
    propose(3);
    EXPECT_EQ(store->finished_within(lately), 2);
}

TEST_P(WorkersConformance, lists_the_quarantined_with_their_reasons_newest_first) {
    for (const std::uint64_t function : {1, 2}) {
        propose(function);
        store->fail(worker, proposal(function).fingerprint, "no luck " + std::to_string(function));
    }
    EXPECT_FALSE(store->reclaim(worker, long_lease, 1));
    const auto found = store->quarantined(10);
    ASSERT_EQ(found.size(), 2u);
    EXPECT_THAT(found[0].outcome.reason, testing::HasSubstr("no luck 2"));
    EXPECT_EQ(store->quarantined(1).size(), 1u);
}

TEST_P(WorkersConformance, opens_the_quarantined_again_when_asked_to) {
    const auto id = propose(1, no_lease).candidate;
    EXPECT_FALSE(store->reclaim(worker, long_lease, 1));
    EXPECT_EQ(store->retry_quarantined(), 1);
    EXPECT_EQ(store->funnel().quarantined, 0);
    EXPECT_EQ(store->funnel().open, 1);
    EXPECT_EQ(store->find(id)->outcome.reason, "");
    EXPECT_EQ(store->reclaim(worker, long_lease, 1)->attempt, 1);
    EXPECT_EQ(store->retry_quarantined(), 0);
}

TEST_P(WorkersConformance, takes_back_what_a_faulty_worker_found_and_has_it_evaluated_anew) {
    const auto faulty = add_worker("other");
    evaluate(worker, 1, scored(0.5, 0.5));
    evaluate(faulty, 2, scored(0.9, 0.9));
    const auto duplicate = propose(2).candidate;
    evaluate(faulty, 3, rejected(Rejection::quality));
    evaluate(faulty, 4, rejected(Rejection::stability));
    store->propose(faulty, proposal(5), long_lease);

    EXPECT_EQ(store->invalidate({.worker = faulty, .host = {}, .build = {}}), (TakenBack{3, 0, 1}));
    const auto funnel = store->funnel();
    EXPECT_EQ(funnel.scored, 1);
    EXPECT_EQ(funnel.quality, 0);
    EXPECT_EQ(funnel.stability, 0);
    EXPECT_EQ(funnel.open, 4);
    EXPECT_EQ(funnel.proposed, sum_of_ends(funnel));
    ASSERT_EQ(store->best(10).size(), 1u);
    EXPECT_EQ(store->best(10)[0].outcome.scores[0].accuracy, 0.5);
    EXPECT_EQ(ids_scored_since(0).size(), 1u);
    EXPECT_EQ(store->find(duplicate)->state, State::open);

    std::set<std::uint64_t> claimed;
    while (const auto claim = store->reclaim(worker, long_lease, 3)) {
        EXPECT_EQ(claim->attempt, 1);
        claimed.insert(claim->fingerprint.low);
    }
    EXPECT_EQ(claimed, (std::set<std::uint64_t>{2, 3, 4}));
    EXPECT_TRUE(finish(2, scored(0.1, 0.1)));
    EXPECT_EQ(store->find(duplicate)->outcome.scores.at(0).accuracy, 0.1);
    EXPECT_EQ(ids_scored_since(0).size(), 3u);
}

TEST_P(WorkersConformance, lets_a_refused_worker_give_back_but_do_nothing_else) {
    propose(1);
    store->refuse(worker, "its canary died");
    const auto told_of = [](const auto& call) -> std::string {
        try {
            call();
        } catch (const WorkerRefused& error) {
            return error.what();
        }
        return "nothing";
    };
    EXPECT_THAT(told_of([&] { propose(2); }), testing::HasSubstr("its canary died"));
    EXPECT_THAT(told_of([&] { store->reclaim(worker, long_lease, 3); }), testing::HasSubstr("its canary died"));
    EXPECT_THAT(told_of([&] { finish(1, scored(0.5, 0.5)); }), testing::HasSubstr("its canary died"));
    EXPECT_EQ(store->funnel().proposed, 1);
    EXPECT_EQ(store->funnel().open, 1);
    store->release(worker, proposal(1).fingerprint);
    EXPECT_TRUE(store->reclaim(add_worker("other"), long_lease, 3));
    EXPECT_EQ(store->workers(lately).at(0).refused, "its canary died");
}

TEST_P(WorkersConformance, takes_back_by_host_and_by_build) {
    const auto here = store->add_worker({"node-1", 1, "cpu", "cpu", "build-a"});
    const auto there = store->add_worker({"node-2", 1, "cpu", "cpu", "build-a"});
    const auto newer = store->add_worker({"node-2", 2, "cpu", "cpu", "build-b"});
    evaluate(here, 1, scored(0.1, 0.1));
    evaluate(there, 2, scored(0.2, 0.2));
    evaluate(newer, 3, scored(0.3, 0.3));
    EXPECT_EQ(store->invalidate({.worker = {}, .host = "node-3", .build = {}}), TakenBack{});
    EXPECT_EQ(store->invalidate({.worker = {}, .host = {}, .build = "build-b"}), (TakenBack{1, 0, 1}));
    EXPECT_EQ(store->invalidate({.worker = {}, .host = "node-2", .build = {}}), (TakenBack{1, 0, 2}));
    ASSERT_EQ(store->best(10).size(), 1u);
    EXPECT_EQ(store->best(10)[0].outcome.scores[0].accuracy, 0.1);
    EXPECT_THROW(store->invalidate({}), std::invalid_argument);
}

TEST_P(WorkersConformance, has_a_canary_for_workers_of_the_same_kind_the_cheapest_one) {
    const Worker kind{"node-1", 1, "cpu: x", "cpu", "build-a"};
    EXPECT_FALSE(store->canary(kind));
    const auto first = store->add_worker(kind);
    auto cheap = scored(0.25, 0.75);
    cheap.seconds = 1;
    evaluate(first, 1, scored(0.5, 0.5));
    evaluate(first, 2, cheap);
    evaluate(first, 3, rejected(Rejection::quality));
    Worker other = kind;
    other.host = "node-2";
    const auto canary = store->canary(other);
    ASSERT_TRUE(canary);
    EXPECT_EQ(canary->found_by, first);
    EXPECT_EQ(canary->candidate.fingerprint, proposal(2).fingerprint);
    EXPECT_EQ(canary->candidate.outcome.scores.at(0).accuracy, 0.25);
    other.build = "build-b";
    EXPECT_FALSE(store->canary(other)) << "another build may round otherwise";
    store->refuse(first, "faulty");
    EXPECT_FALSE(store->canary(kind));
}

}  // namespace normact::results
