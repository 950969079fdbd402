#pragma once

// What every store must do, as one suite over a factory: another database plugs in with
//     INSTANTIATE_TEST_SUITE_P(PostgreSql, StoreConformance, testing::Values(Backend{"PostgreSql", make_place}));

#include "results/study_place.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace normact::results {

class StoreConformance : public testing::TestWithParam<Backend> {
  protected:
    using Verdict = Admission::Verdict;
    using State = Candidate::State;
    using Rejection = proxy_tasks::Rejection;
    static constexpr std::chrono::seconds no_lease{0};

    void fresh_study() {
        store.reset();
        place = GetParam().make("{\"seed\": 1}");
        store = place->open();
        worker = add_worker("host");
    }
    void SetUp() override { fresh_study(); }

    WorkerId add_worker(const std::string& host) { return store->add_worker({host, 42, "cpu", "aten", "0.1.0"}); }
    Admission propose(std::uint64_t function, std::chrono::seconds lease = long_lease) {
        return store->propose(worker, proposal(function), lease);
    }
    bool finish(std::uint64_t function, const proxy_tasks::Outcome& outcome) {
        return store->finish(worker, proposal(function).fingerprint, outcome);
    }
    std::vector<CandidateId> ids_scored_since(std::int64_t after, int limit = 1000) {
        std::vector<CandidateId> ids;
        for (const auto& candidate : store->scored_since(after, limit, position)) ids.push_back(candidate.id);
        return ids;
    }
    static std::int64_t sum_of_ends(const Funnel& f) {
        return f.invalid + f.duplicate + f.quality + f.stability + f.scored + f.quarantined + f.open;
    }

    std::unique_ptr<StudyPlace> place;
    std::unique_ptr<Store> store;
    WorkerId worker = 0;
    std::int64_t position = 0;
};

TEST_P(StoreConformance, keeps_the_configuration) {
    EXPECT_EQ(store->configuration(), "{\"seed\": 1}");
    EXPECT_EQ(place->open()->configuration(), "{\"seed\": 1}");
}

TEST_P(StoreConformance, gives_each_worker_an_id_of_its_own) { EXPECT_NE(add_worker("one"), add_worker("one")); }

TEST_P(StoreConformance, lets_the_first_proposer_of_a_function_evaluate_it) {
    const auto first = propose(1), second = propose(1), other = propose(2);
    EXPECT_EQ(first.verdict, Verdict::claimed);
    EXPECT_EQ(second.verdict, Verdict::duplicate);
    EXPECT_EQ(other.verdict, Verdict::claimed);
    EXPECT_LT(first.candidate, second.candidate);
}

TEST_P(StoreConformance, finds_a_candidate_as_it_was_proposed) {
    auto child = proposal(2);
    child.parent = propose(1).candidate;
    child.origin = "mutation";
    const auto id = store->propose(worker, child, long_lease).candidate;
    const auto found = place->open()->find(id);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->id, id);
    EXPECT_EQ(found->graph, child.graph);
    EXPECT_EQ(found->hash, child.hash);
    EXPECT_EQ(found->fingerprint, child.fingerprint);
    EXPECT_EQ(found->parent, child.parent);
    EXPECT_EQ(found->origin, "mutation");
    EXPECT_EQ(found->state, State::open);
    EXPECT_FALSE(store->find(id + 1));
    EXPECT_FALSE(store->find(*child.parent)->parent);
}

TEST_P(StoreConformance, records_an_invalid_candidate_with_its_reason_and_evaluates_it_never) {
    auto invalid = proposal(1);
    invalid.invalid = "not finite";
    const auto admission = store->propose(worker, invalid, no_lease);
    EXPECT_EQ(admission.verdict, Verdict::invalid);
    const auto found = store->find(admission.candidate);
    EXPECT_EQ(found->state, State::rejected);
    EXPECT_EQ(found->outcome.rejection, Rejection::invalid);
    EXPECT_EQ(found->outcome.reason, "not finite");
    EXPECT_FALSE(store->reclaim(worker, long_lease, 3));
    EXPECT_EQ(propose(1).verdict, Verdict::claimed) << "an invalid candidate stands for no function";
    finish(1, scored(0.5, 0.5));
    EXPECT_EQ(store->find(admission.candidate)->state, State::rejected);
    EXPECT_EQ(ids_scored_since(0).size(), 1u);
}

TEST_P(StoreConformance, keeps_scores_to_the_last_bit_and_in_their_order) {
    const auto id = propose(1).candidate;
    const double third = 1.0 / 3;
    ASSERT_TRUE(finish(1, scored(third, std::nextafter(third, 1))));
    const auto found = place->open()->find(id);
    EXPECT_EQ(found->state, State::scored);
    ASSERT_EQ(found->outcome.scores.size(), 2u);
    EXPECT_EQ(found->outcome.scores[0].task, "cifar-10/b");
    EXPECT_EQ(found->outcome.scores[0].replicate, 0);
    EXPECT_EQ(found->outcome.scores[0].accuracy, third);
    EXPECT_EQ(found->outcome.scores[0].seconds, 1.5);
    EXPECT_EQ(found->outcome.scores[1].task, "cifar-10/a");
    EXPECT_EQ(found->outcome.scores[1].accuracy, std::nextafter(third, 1));
    EXPECT_EQ(found->outcome.seconds, 4.5);
}

TEST_P(StoreConformance, keeps_an_accuracy_that_is_not_a_number_and_never_calls_it_best) {
    const auto id = propose(1).candidate;
    finish(1, scored(std::numeric_limits<double>::quiet_NaN(), 0.9));
    propose(2);
    finish(2, scored(0.1, 0.1));
    const auto scores = store->find(id)->outcome.scores;
    EXPECT_TRUE(std::isnan(scores.at(0).accuracy));
    EXPECT_EQ(scores.at(1).accuracy, 0.9);
    EXPECT_EQ(store->best(5).size(), 1u);
    EXPECT_EQ(ids_scored_since(0).size(), 2u);
}

TEST_P(StoreConformance, keeps_a_rejection_with_its_reason) {
    const auto id = propose(1).candidate;
    ASSERT_TRUE(finish(1, rejected(Rejection::stability)));
    const auto found = store->find(id);
    EXPECT_EQ(found->state, State::rejected);
    EXPECT_EQ(found->outcome.rejection, Rejection::stability);
    EXPECT_EQ(found->outcome.reason, "a: accuracy 0.11 after 100 steps");
    EXPECT_TRUE(found->outcome.scores.empty());
    EXPECT_TRUE(ids_scored_since(0).empty());
}

TEST_P(StoreConformance,
       keeps_the_scores_of_an_audited_layer_and_breeds_from_it_no_more_than_from_another_rejected_one) {
    const auto id = propose(1).candidate;
    ASSERT_TRUE(finish(1, audited(Rejection::quality, 0.75, 0.25)));
    propose(2);
    finish(2, audited(Rejection::stability, 0.5, 0.5));
    propose(3);
    finish(3, rejected(Rejection::quality));
    const auto found = place->open()->find(propose(1).candidate);
    EXPECT_EQ(found->state, State::rejected);
    EXPECT_EQ(found->evaluated, id);
    EXPECT_EQ(found->outcome.scores.at(0).accuracy, 0.75);
    EXPECT_TRUE(store->best(10).empty());
    EXPECT_TRUE(ids_scored_since(0).empty());
    EXPECT_EQ(store->funnel().quality, 2);
    const auto audits = store->audits();
    ASSERT_EQ(audits.size(), 2u);
    EXPECT_EQ(audits[0].filter, Rejection::quality);
    EXPECT_EQ(audits[0].accuracy, 0.5);
    EXPECT_EQ(audits[1].filter, Rejection::stability);
    EXPECT_EQ(store->invalidate({.worker = worker, .host = {}, .build = {}}), (TakenBack{3, 0, 1}));
    EXPECT_TRUE(store->audits().empty());
    EXPECT_TRUE(store->find(id)->outcome.scores.empty());
}

TEST_P(StoreConformance, knows_the_accuracy_at_each_rank) {
    for (std::uint64_t function = 0; function < 3; ++function) {
        propose(function);
        const double accuracy = 0.25 * static_cast<double>(function + 1);
        finish(function, scored(accuracy, accuracy));
    }
    EXPECT_EQ(store->accuracy_at_rank(1), 0.75);
    EXPECT_EQ(store->accuracy_at_rank(3), 0.25);
    EXPECT_EQ(store->accuracy_at_rank(4), std::nullopt);
}

TEST_P(StoreConformance, shares_an_outcome_with_duplicates_before_and_after_it) {
    propose(1);
    const auto before = propose(1).candidate;
    finish(1, scored(0.5, 0.7));
    const auto after = propose(1).candidate;
    const auto first = store->find(before)->evaluated;
    EXPECT_LT(first, before);
    for (const auto id : {before, after}) {
        EXPECT_EQ(store->find(id)->evaluated, first) << "whose graph was trained";
        EXPECT_EQ(store->find(id)->state, State::scored);
        EXPECT_EQ(store->find(id)->outcome.scores.at(1).accuracy, 0.7);
    }
    propose(2);
    finish(2, rejected(Rejection::quality));
    EXPECT_EQ(store->find(propose(2).candidate)->outcome.rejection, Rejection::quality);
}

TEST_P(StoreConformance, takes_the_first_outcome_alone) {
    const auto id = propose(1).candidate;
    EXPECT_TRUE(finish(1, scored(0.5, 0.5)));
    const auto late = add_worker("late");
    EXPECT_FALSE(store->finish(late, proposal(1).fingerprint, scored(0.9, 0.9)));
    EXPECT_FALSE(store->finish(late, proposal(1).fingerprint, rejected(Rejection::quality)));
    EXPECT_EQ(store->find(id)->outcome.scores.at(0).accuracy, 0.5);
    EXPECT_EQ(store->funnel().scored, 1);
}

TEST_P(StoreConformance, refuses_outcomes_that_make_no_sense) {
    propose(1);
    EXPECT_THROW(finish(1, {}), std::invalid_argument);
    EXPECT_THROW(finish(2, scored(0.5, 0.5)), StoreError);
    auto twice = scored(0.5, 0.5);
    twice.scores[1].task = twice.scores[0].task;
    EXPECT_THROW(finish(1, twice), StoreError);
    EXPECT_EQ(store->funnel().open, 1) << "a refused outcome leaves nothing behind";
    EXPECT_TRUE(finish(1, scored(0.5, 0.5)));
}

TEST_P(StoreConformance, refuses_unknown_parents_and_workers_and_records_nothing) {
    auto orphan = proposal(1);
    orphan.parent = 12345;
    EXPECT_THROW(store->propose(worker, orphan, long_lease), StoreError);
    EXPECT_THROW(store->propose(worker + 1, proposal(1), long_lease), StoreError);
    EXPECT_EQ(store->funnel().proposed, 0);
    EXPECT_EQ(propose(1).verdict, Verdict::claimed);
}

TEST_P(StoreConformance, says_who_evaluated) {
    propose(1, no_lease);
    EXPECT_FALSE(store->evaluated_by(proposal(1).fingerprint));
    const auto other = add_worker("other");
    store->finish(other, proposal(1).fingerprint, scored(0.5, 0.5));
    const auto source = store->evaluated_by(proposal(1).fingerprint);
    ASSERT_TRUE(source);
    EXPECT_EQ(source->host, "other");
    EXPECT_EQ(source->process, 42);
    EXPECT_EQ(source->engine, "aten");
}

TEST_P(StoreConformance, lists_the_scored_in_the_order_in_which_they_became_it) {
    const auto a = propose(1).candidate, b = propose(2).candidate, duplicate_of_a = propose(1).candidate;
    propose(3);
    finish(3, rejected(Rejection::quality));
    finish(2, scored(0.2, 0.2));
    EXPECT_EQ(ids_scored_since(0), (std::vector{b}));
    finish(1, scored(0.1, 0.1));
    const auto duplicate_of_b = propose(2).candidate;
    EXPECT_EQ(ids_scored_since(0), (std::vector{b, a, duplicate_of_a, duplicate_of_b}));
    EXPECT_EQ(store->funnel().last_position, position);
}

TEST_P(StoreConformance, lists_the_scored_in_pieces_that_join) {
    std::vector<CandidateId> all, pieces;
    for (std::uint64_t function = 0; function < 7; ++function) {
        all.push_back(propose(function).candidate);
        finish(function, scored(0.5, 0.5));
    }
    do {
        const auto piece = ids_scored_since(position, 3);
        if (piece.empty()) break;
        pieces.insert(pieces.end(), piece.begin(), piece.end());
    } while (pieces.size() < 100);
    EXPECT_EQ(pieces, all);
    const auto end = position;
    EXPECT_TRUE(ids_scored_since(end).empty());
    EXPECT_EQ(position, end) << "the position stays where nothing is new";
}

TEST_P(StoreConformance, gives_all_candidates_in_pages_that_join) {
    auto invalid = proposal(100);
    invalid.invalid = "not finite";
    std::vector<CandidateId> all, pages;
    for (std::uint64_t function = 0; function < 5; ++function) {
        all.push_back(propose(function).candidate);
        all.push_back(propose(function).candidate);
        all.push_back(store->propose(worker, invalid, long_lease).candidate);
    }
    finish(0, scored(0.5, 0.7));
    finish(1, rejected(Rejection::quality));
    CandidateId last = 0;
    for (auto page = store->candidates_after(last, 4); !page.empty(); page = store->candidates_after(last, 4)) {
        ASSERT_LE(page.size(), 4u);
        for (const auto& candidate : page) pages.push_back(candidate.id);
        last = page.back().id;
    }
    EXPECT_EQ(pages, all);
    const auto page = store->candidates_after(0, 5);
    EXPECT_EQ(page.at(0).outcome.scores.at(1).accuracy, 0.7);
    EXPECT_EQ(page.at(1).outcome.scores.size(), 2u) << "a duplicate shares its outcome";
    EXPECT_EQ(page.at(2).outcome.reason, "not finite");
    EXPECT_EQ(page.at(3).state, State::rejected);
    EXPECT_TRUE(store->candidates_after(all.back(), 5).empty());
    EXPECT_TRUE(store->candidates_after(0, 0).empty());
}

TEST_P(StoreConformance, ranks_distinct_functions_by_their_mean_accuracy) {
    const std::vector<double> accuracies{0.3, 0.9, 0.1, 0.5};
    std::vector<CandidateId> ids;
    for (std::uint64_t function = 0; function < accuracies.size(); ++function) {
        ids.push_back(propose(function).candidate);
        propose(function);
        finish(function, scored(accuracies[function] + 0.05, accuracies[function] - 0.05));
    }
    propose(9);
    std::vector<CandidateId> best;
    for (const auto& candidate : store->best(3)) best.push_back(candidate.id);
    EXPECT_EQ(best, (std::vector{ids[1], ids[3], ids[0]}));
    EXPECT_EQ(store->best(10).size(), 4u);
    EXPECT_EQ(store->best(1).at(0).outcome.scores.size(), 2u);
}

TEST_P(StoreConformance, counts_each_candidate_once_in_the_funnel) {
    auto invalid = proposal(100);
    invalid.invalid = "not finite";
    store->propose(worker, invalid, long_lease);
    for (std::uint64_t function = 0; function < 6; ++function) propose(function, no_lease);
    propose(0);
    finish(0, scored(0.5, 0.5));
    finish(1, rejected(Rejection::quality));
    finish(2, rejected(Rejection::stability));
    finish(3, rejected(Rejection::invalid));
    propose(1);
    const auto funnel = store->funnel();
    EXPECT_EQ(funnel.proposed, 9);
    EXPECT_EQ(funnel.invalid, 2);
    EXPECT_EQ(funnel.duplicate, 2);
    EXPECT_EQ(funnel.quality, 1);
    EXPECT_EQ(funnel.stability, 1);
    EXPECT_EQ(funnel.scored, 1);
    EXPECT_EQ(funnel.open, 2);
    EXPECT_EQ(funnel.proposed, sum_of_ends(funnel));
}

TEST_P(StoreConformance, shows_what_one_connection_did_to_all_others) {
    const auto other = place->open();
    propose(1);
    EXPECT_EQ(other->propose(other->add_worker({}), proposal(1), long_lease).verdict, Verdict::duplicate);
    finish(1, scored(0.5, 0.5));
    EXPECT_EQ(other->best(1).size(), 1u);
    EXPECT_EQ(store->funnel().duplicate, 1);
}

}  // namespace normact::results
