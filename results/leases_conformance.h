#pragma once

// How every store hands claims on, and when it gives a layer up: a further suite over the factory of
// store_conformance.h.

#include "results/store_conformance.h"

#include <set>

namespace normact::results {

class LeasesConformance : public StoreConformance {};

TEST_P(LeasesConformance, hands_a_claim_on_only_when_its_lease_has_run_out) {
    propose(1, long_lease);
    EXPECT_FALSE(store->reclaim(worker, long_lease, 3));
    const auto id = propose(2, no_lease).candidate;
    propose(2, no_lease);
    const auto claim = store->reclaim(add_worker("other"), long_lease, 3);
    ASSERT_TRUE(claim);
    EXPECT_EQ(claim->candidate, id);
    EXPECT_EQ(claim->fingerprint, proposal(2).fingerprint);
    EXPECT_EQ(claim->graph, proposal(2).graph);
    EXPECT_EQ(claim->attempt, 2);
    EXPECT_FALSE(store->reclaim(worker, long_lease, 3));
}

TEST_P(LeasesConformance, renews_a_claim_for_its_holder_alone) {
    propose(1, no_lease);
    EXPECT_TRUE(store->renew(worker, proposal(1).fingerprint, long_lease));
    const auto other = add_worker("other");
    EXPECT_FALSE(store->reclaim(other, long_lease, 3)) << "it was renewed";
    EXPECT_FALSE(store->renew(other, proposal(1).fingerprint, long_lease));
    EXPECT_TRUE(store->renew(worker, proposal(1).fingerprint, no_lease));
    EXPECT_TRUE(store->reclaim(other, long_lease, 3));
    EXPECT_FALSE(store->renew(worker, proposal(1).fingerprint, long_lease)) << "another worker has it";
    finish(1, scored(0.5, 0.5));
    EXPECT_FALSE(store->renew(other, proposal(1).fingerprint, long_lease)) << "there is nothing left to do";
}

TEST_P(LeasesConformance, opens_a_released_claim_to_others_without_counting_the_attempt) {
    propose(1, long_lease);
    store->release(add_worker("other"), proposal(1).fingerprint);
    EXPECT_FALSE(store->reclaim(worker, long_lease, 3)) << "only its holder can give a claim back";
    for (int i = 0; i < 5; ++i) {
        store->release(worker, proposal(1).fingerprint);
        const auto claim = store->reclaim(worker, long_lease, 3);
        ASSERT_TRUE(claim);
        EXPECT_EQ(claim->attempt, 1);
    }
}

TEST_P(LeasesConformance, quarantines_a_layer_after_its_last_attempt_with_the_last_reason) {
    const auto id = propose(1, long_lease).candidate;
    for (const int attempt : {2, 3}) {
        store->fail(worker, proposal(1).fingerprint, "out of memory " + std::to_string(attempt - 1), "log");
        EXPECT_EQ(store->reclaim(worker, long_lease, 3)->attempt, attempt);
    }
    store->keep_log(worker, "what came later");
    store->fail(worker, proposal(1).fingerprint, "out of memory 3", "0:20  9 scored\n0:30  9 scored");
    EXPECT_FALSE(store->reclaim(worker, long_lease, 3));
    const auto found = store->find(id);
    EXPECT_EQ(found->state, State::quarantined);
    EXPECT_EQ(found->outcome.reason, "3 attempts failed; in the last one worker " + std::to_string(worker) +
                                         " on host said: out of memory 3\n"
                                         "Its log ended with:\n0:20  9 scored\n0:30  9 scored");
    EXPECT_EQ(store->funnel().quarantined, 1);
    EXPECT_EQ(propose(1).verdict, Verdict::duplicate);
}

TEST_P(LeasesConformance, quarantines_a_layer_with_the_log_of_the_worker_that_vanished_last) {
    const auto id = propose(1, no_lease).candidate;
    store->fail(worker, proposal(1).fingerprint, "out of memory", "an earlier log");
    const auto other = add_worker("node-2");
    ASSERT_TRUE(store->reclaim(other, no_lease, 2));
    store->renew(other, proposal(1).fingerprint, no_lease, {"training a", 9, 10});
    store->keep_log(other, "0:10  1 scored");
    store->keep_log(other, "0:20  2 scored");
    EXPECT_FALSE(store->reclaim(worker, no_lease, 2));
    EXPECT_EQ(store->find(id)->outcome.reason,
              "2 attempts failed; in the last one worker " + std::to_string(other) +
                  " on node-2 stopped without a word, training a 9/10\nIts log ended with:\n0:20  2 scored");
}

TEST_P(LeasesConformance, quarantines_a_layer_whose_workers_vanish_and_hands_out_the_next) {
    propose(1, no_lease);
    propose(2, no_lease);
    std::multiset<std::uint64_t> claimed;
    while (const auto claim = store->reclaim(worker, no_lease, 2)) claimed.insert(claim->fingerprint.low);
    EXPECT_EQ(claimed, (std::multiset<std::uint64_t>{1, 2}));
    EXPECT_EQ(store->funnel().quarantined, 2);
}

TEST_P(LeasesConformance, takes_a_late_result_of_a_quarantined_layer) {
    const auto id = propose(1, no_lease).candidate;
    EXPECT_FALSE(store->reclaim(worker, no_lease, 1));
    ASSERT_EQ(store->find(id)->state, State::quarantined);
    EXPECT_TRUE(finish(1, scored(0.5, 0.5)));
    EXPECT_EQ(store->find(id)->state, State::scored);
    EXPECT_EQ(store->find(id)->outcome.reason, "");
    EXPECT_EQ(store->funnel().quarantined, 0);
    EXPECT_EQ(store->funnel().scored, 1);
}

TEST_P(LeasesConformance, takes_an_outcome_from_a_worker_whose_lease_has_run_out) {
    propose(1, no_lease);
    const auto other = add_worker("other");
    ASSERT_TRUE(store->reclaim(other, long_lease, 3));
    EXPECT_TRUE(finish(1, scored(0.5, 0.5)));
    EXPECT_FALSE(store->finish(other, proposal(1).fingerprint, scored(0.4, 0.4)));
}

}  // namespace normact::results
