#include "search/worker.h"

#include "primitives/catalogue.h"
#include "primitives/fingerprint.h"
#include "search/sample_searches.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <map>
#include <mutex>
#include <set>
#include <thread>

namespace normact::search {
namespace {

TEST(Worker, stops_at_the_budget_of_scored_layers) {
    Study study(40);
    EXPECT_TRUE(study.run(1, quick_score));
    EXPECT_EQ(study.funnel().scored, 40);
    EXPECT_EQ(study.funnel().open, 0);
}

TEST(Worker, stops_at_the_budget_of_proposals_exactly_also_with_two_threads) {
    Study study;
    study.configuration.budget.proposed = 100;
    EXPECT_TRUE(study.run(2, quick_score));
    EXPECT_EQ(study.funnel().proposed, 100);
}

TEST(Worker, stops_at_the_budget_of_minutes_and_gives_claims_back) {
    Study study;
    study.configuration.budget.minutes = 1.0 / 60;
    EXPECT_TRUE(study.run(2, never_ready));
    EXPECT_GT(study.funnel().open, 0);
    const auto store = study.file.open();
    EXPECT_TRUE(store->reclaim(store->add_worker({}), 60s, 3)) << "at once, without waiting for the lease";
}

TEST(Worker, does_nothing_where_the_budget_is_reached_already) {
    Study study(5);
    study.run(1, quick_score);
    study.events.clear();
    EXPECT_TRUE(study.run(1, quick_score));
    EXPECT_TRUE(study.events.empty());
}

TEST(Worker, tells_of_every_candidate_what_the_study_says_of_it) {
    Study study(100);
    study.run(2, quick_score);
    const auto funnel = study.funnel();
    EXPECT_EQ(study.told(Kind::duplicate), funnel.duplicate);
    EXPECT_EQ(study.told(Kind::invalid), funnel.invalid);
    EXPECT_EQ(study.told(Kind::scored), funnel.scored);
    EXPECT_EQ(study.told(Kind::claimed), funnel.scored + funnel.open);
    EXPECT_GT(funnel.duplicate, 0);
    EXPECT_GT(funnel.invalid, 0);
    const auto store = study.file.open();
    for (const Event& event : study.events) {
        const auto stored = store->find(event.candidate.id);
        ASSERT_TRUE(stored);
        EXPECT_EQ(stored->graph, event.candidate.graph);
        EXPECT_EQ(stored->fingerprint, event.candidate.fingerprint);
        EXPECT_EQ(stored->origin, event.candidate.origin);
    }
}

TEST(Worker, evaluates_each_function_once_and_duplicates_share_its_score) {
    Study study(300);
    std::mutex mutex;
    std::map<primitives::Hash128, int> evaluations;
    study.run(2, [&](const primitives::LayerGraph& graph, const std::stop_token&) {
        const std::scoped_lock lock(mutex);
        ++evaluations[primitives::hash(graph)];
        return quick_score(graph);
    });
    for (const auto& [layer, times] : evaluations) EXPECT_EQ(times, 1);
    const auto store = study.file.open();
    std::map<primitives::Hash128, std::set<double>> accuracies;
    std::int64_t position = 0;
    const auto scored = store->scored_since(0, 100000, position);
    for (const Candidate& candidate : scored)
        accuracies[candidate.fingerprint].insert(candidate.outcome.scores.at(0).accuracy);
    EXPECT_GT(scored.size(), accuracies.size()) << "duplicates are among them";
    for (const auto& [function, different] : accuracies) EXPECT_EQ(different.size(), 1U);
}

TEST(Worker, evaluates_two_layers_at_once_on_two_threads) {
    Study study(2);
    std::atomic<int> inside = 0;
    std::atomic<bool> met = false;
    study.run(2, [&](const primitives::LayerGraph& graph, const std::stop_token&) {
        ++inside;
        for (int wait = 0; wait < 10000 && !met; ++wait) {  // 10 s: a worker with one thread would never meet
            if (inside == 2) met = true;
            std::this_thread::sleep_for(1ms);
        }
        --inside;
        return quick_score(graph);
    });
    EXPECT_TRUE(met);
}

TEST(Worker, that_comes_later_reads_no_more_scores_than_its_window_holds) {
    Study study(60);
    study.run(1, quick_score);
    study.configuration.evolution.window = 10;
    study.configuration.budget.scored = 61;
    // An older score that makes no sense would be refused if it were read.
    *study.file.connect() << "UPDATE score SET accuracy = NULL WHERE fingerprint = (SELECT fingerprint FROM evaluation"
                             " WHERE state = 'scored' AND 1 = (SELECT COUNT(*) FROM candidate AS c"
                             " WHERE c.fingerprint = evaluation.fingerprint) ORDER BY candidate LIMIT 1)";
    EXPECT_TRUE(study.run(1, quick_score));
    study.configuration.evolution.window = 0;
    study.configuration.budget.scored = 62;
    EXPECT_THROW(study.run(1, quick_score), results::StoreError) << "without a window all are read";
}

TEST(Worker, tells_one_event_at_a_time) {
    Study study(50);
    std::atomic<int> inside = 0, most = 0;
    work(study.configuration, [&] { return study.file.open(); }, {}, 4, of_graph(quick_score), {},
         {.report = [&](const Event&) {
             most = std::max(most.load(), ++inside);
             std::this_thread::sleep_for(50us);
             --inside;
         }});
    EXPECT_EQ(most, 1);
}

TEST(Worker, stops_when_asked_and_gives_its_claims_back) {
    Study study;
    std::stop_source stop;
    std::atomic<int> started = 0;
    const bool reached = study.run(
        2,
        [&](const primitives::LayerGraph& graph, const std::stop_token& token) {
            if (++started == 2) stop.request_stop();
            return never_ready(graph, token);
        },
        stop.get_token());
    EXPECT_FALSE(reached);
    EXPECT_EQ(study.funnel().open, 2);
    EXPECT_EQ(study.funnel().scored, 0);
}

TEST(Worker, does_nothing_when_stopped_before_it_starts) {
    Study study;
    std::stop_source stop;
    stop.request_stop();
    EXPECT_FALSE(study.run(2, quick_score, stop.get_token()));
    EXPECT_TRUE(study.events.empty());
}

TEST(Worker, records_rejections) {
    Study study;
    study.configuration.budget.proposed = 60;
    study.run(2, [](const primitives::LayerGraph&, const std::stop_token&) {
        Outcome outcome;
        outcome.rejection = Rejection::quality;
        outcome.reason = "accuracy 0.1";
        return outcome;
    });
    EXPECT_GT(study.funnel().quality, 0);
    EXPECT_EQ(study.told(Kind::rejected), study.funnel().quality);
}

TEST(Worker, tells_of_a_late_result_what_was_recorded_before) {
    Study study(1);
    study.run(1, [&](const primitives::LayerGraph& graph, const std::stop_token&) {
        Outcome faster = quick_score(graph);
        for (auto& score : faster.scores) score.accuracy = 0.25;
        const auto store = study.file.open();
        store->finish(store->add_worker({}), primitives::probe(graph).fingerprint, faster);
        return quick_score(graph);
    });
    EXPECT_EQ(study.told(Kind::scored), 0);
    ASSERT_EQ(study.told(Kind::late), 1);
    const Candidate& told = study.events.back().candidate;
    EXPECT_EQ(told.state, Candidate::State::scored);
    EXPECT_EQ(told.outcome.scores.at(0).accuracy, 0.25);
}

TEST(Worker, refuses_to_breed_from_scores_that_are_not_those_of_the_studys_anchors) {
    const auto error_with = [](const std::function<void(Outcome&)>& change) -> std::string {
        Study study(10);
        try {
            study.run(1, [&](const primitives::LayerGraph& graph, const std::stop_token&) {
                Outcome outcome = quick_score(graph);
                change(outcome);
                return outcome;
            });
        } catch (const results::StoreError& error) {
            return error.what();
        }
        return "none";
    };
    using testing::HasSubstr;
    EXPECT_EQ(error_with([](Outcome&) {}), "none");
    EXPECT_EQ(error_with([](Outcome& outcome) { std::swap(outcome.scores[0], outcome.scores[1]); }), "none");
    EXPECT_THAT(error_with([](Outcome& outcome) { outcome.scores.pop_back(); }), HasSubstr("of candidate "));
    EXPECT_THAT(error_with([](Outcome& outcome) { outcome.scores.push_back({.task = "test/c"}); }),
                HasSubstr("of candidate "));
    EXPECT_THAT(error_with([](Outcome& outcome) { outcome.scores[1].task = "other/b"; }), HasSubstr("of candidate "));
    EXPECT_THAT(error_with([](Outcome& outcome) { outcome.scores[0].accuracy = NAN; }), HasSubstr("of candidate "));
}

// ---- resuming ----

std::vector<primitives::Hash128> proposed_layers(const Study& study) {
    std::vector<primitives::Hash128> layers;
    for (const Event& event : study.events)
        if (event.kind == Kind::claimed || event.kind == Kind::duplicate || event.kind == Kind::invalid)
            layers.push_back(event.candidate.hash);
    return layers;
}

TEST(ResumedSearch, goes_on_with_other_proposals) {
    Study study;
    study.configuration.evolution.random_share = 1;
    study.configuration.budget.proposed = 50;
    study.run(1, quick_score);
    const auto first_run = proposed_layers(study);
    study.events.clear();
    study.configuration.budget.proposed = 100;
    EXPECT_TRUE(study.run(1, quick_score));
    EXPECT_EQ(study.funnel().proposed, 100);
    const auto second_run = proposed_layers(study);
    ASSERT_EQ(first_run.size(), second_run.size());
    int same = 0;
    for (std::size_t i = 0; i < first_run.size(); ++i) same += first_run[i] == second_run[i] ? 1 : 0;
    EXPECT_LT(same, 10) << "a few coincide, such as x alone";
}

TEST(ResumedSearch, breeds_from_what_was_scored_before) {
    Study study(30);
    study.configuration.evolution.random_share = 1;
    study.run(1, quick_score);
    study.events.clear();
    study.configuration.evolution.random_share = 0;
    study.configuration.budget.scored = 40;
    study.run(1, quick_score);
    ASSERT_FALSE(study.events.empty());
    EXPECT_EQ(study.events.front().candidate.origin, "mutation");
    const auto parent = study.file.open()->find(study.events.front().candidate.parent.value());
    ASSERT_TRUE(parent);
    EXPECT_EQ(parent->state, Candidate::State::scored);
}

TEST(ResumedSearch, finishes_what_was_given_back_first) {
    Study study;
    std::stop_source stop;
    study.run(
        1,
        [&](const primitives::LayerGraph& graph, const std::stop_token& token) {
            stop.request_stop();
            return never_ready(graph, token);
        },
        stop.get_token());
    const auto left_behind = study.events.back().candidate;
    study.events.clear();
    study.configuration.budget.scored = 1;
    study.run(1, quick_score);
    EXPECT_EQ(study.events.back().kind, Kind::scored);
    EXPECT_EQ(study.events.back().candidate.id, left_behind.id);
    EXPECT_EQ(study.events.back().candidate.hash, left_behind.hash);
}

TEST(Search, is_repeated_exactly_by_one_thread_with_the_same_seed) {
    const auto layers = [](std::uint64_t seed) {
        Study study(60);
        study.configuration.seed = seed;
        study.run(1, quick_score);
        return proposed_layers(study);
    };
    EXPECT_EQ(layers(1), layers(1));
    EXPECT_NE(layers(1), layers(2));
}

TEST(Search, begins_with_the_initial_layers_once) {
    Study study(10);
    study.configuration.evolution.initial = {"BN-ReLU", "x*sigmoid(x)"};
    study.run(2, quick_score);
    study.configuration.budget.scored = 20;
    study.run(2, quick_score);
    std::vector<std::string> origins;
    for (const Event& event : study.events)
        if (event.kind == Kind::claimed || event.kind == Kind::duplicate) origins.push_back(event.candidate.origin);
    EXPECT_EQ(origins.at(0), "BN-ReLU");
    EXPECT_EQ(origins.at(1), "x*sigmoid(x)");
    EXPECT_EQ(std::ranges::count(origins, "BN-ReLU"), 1);
}

TEST(Search, in_an_exhausted_space_says_so) {
    Study study;
    study.configuration.space.intermediate_nodes = 1;
    study.configuration.space.elementwise = {primitives::Op::neg};
    study.configuration.space.moments.clear();
    study.configuration.space.index_sets.clear();
    try {
        study.run(2, quick_score);
        FAIL() << "there are two layers in all";
    } catch (const std::runtime_error& error) {
        EXPECT_THAT(error.what(), testing::HasSubstr("exhausted"));
    }
}

TEST(Search, of_two_workers_at_once_evaluates_each_function_once) {
    Study study(200);
    std::atomic<int> evaluations = 0;
    const auto one_worker = [&] {
        work(study.configuration, [&] { return study.file.open(); }, {}, 1,
             of_graph([&](const primitives::LayerGraph& graph, const std::stop_token&) {
                 ++evaluations;
                 return quick_score(graph);
             }),
             {}, {});
    };
    { std::jthread one(one_worker), other(one_worker); }
    EXPECT_EQ(evaluations, study.funnel().scored);
    EXPECT_GE(evaluations, 200);
    EXPECT_LE(evaluations, 201) << "each may be inside one evaluation when the other reaches the budget";
}

}  // namespace
}  // namespace normact::search
