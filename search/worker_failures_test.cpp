// What becomes of a search whose evaluations, devices and databases fail.

#include "primitives/catalogue.h"
#include "search/sample_searches.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

namespace normact::search {
namespace {

TEST(FailingEvaluation, is_recorded_and_the_search_goes_on) {
    Study study(20);
    std::atomic<int> evaluations = 0;
    EXPECT_TRUE(study.run(2, [&](const primitives::LayerGraph& graph, const std::stop_token&) {
        if (++evaluations % 4 == 0) throw std::runtime_error("out of luck");
        return quick_score(graph);
    }));
    EXPECT_GT(study.told(Kind::failed), 0);
    const auto failed = std::ranges::find(study.events, Kind::failed, &Event::kind);
    EXPECT_EQ(failed->candidate.outcome.reason, "out of luck");
    EXPECT_GE(study.funnel().scored, 20);
}

TEST(FailingEvaluation, is_tried_as_often_as_is_set_and_then_quarantined) {
    Study study(20);
    study.configuration.evolution.initial = {"BN-ReLU"};
    study.configuration.maximum_attempts = 2;
    const auto cursed = primitives::hash(primitives::find_in_catalogue("BN-ReLU")->layer.graph);
    int attempts = 0;
    study.run(1, [&](const primitives::LayerGraph& graph, const std::stop_token&) {
        if (primitives::hash(graph) != cursed) return quick_score(graph);
        ++attempts;
        throw std::runtime_error("cursed");
    });
    EXPECT_EQ(attempts, 2);
    const auto quarantined = study.file.open()->quarantined(10);
    ASSERT_EQ(quarantined.size(), 1u);
    EXPECT_THAT(quarantined[0].outcome.reason, testing::HasSubstr("said: cursed\nIts log ended with:\nthe end"));
}

TEST(FailingEvaluation, ends_the_search_when_nothing_else_happens) {
    Study study;
    int evaluations = 0;
    try {
        study.run(1, [&](const primitives::LayerGraph&, const std::stop_token&) -> Outcome {
            ++evaluations;
            throw std::runtime_error("no data");
        });
        FAIL() << "the search should not go on for ever";
    } catch (const std::runtime_error& error) {
        EXPECT_STREQ(error.what(), "no data");
    }
    EXPECT_EQ(evaluations, 9) << "three layers, three attempts each";
}

TEST(LostDevice, ends_the_work_and_all_that_was_in_flight_is_evaluated_again_as_another_attempt) {
    constexpr int threads = 3;
    Study study(20);
    std::atomic<int> started = 0;
    const auto lose_the_device = [&](const primitives::LayerGraph& graph, const std::stop_token& token) -> Outcome {
        const bool culprit = ++started == threads;
        if (!culprit) return never_ready(graph, token);
        throw proxy_tasks::DeviceLost("illegal access");
    };
    EXPECT_THROW(study.run(threads, lose_the_device), proxy_tasks::DeviceLost);
    EXPECT_EQ(study.told(Kind::failed), threads);
    EXPECT_EQ(study.funnel().open, threads);
    study.attempts.clear();
    study.run(1, quick_score);
    EXPECT_EQ(std::ranges::count(study.attempts, 2), threads);
    EXPECT_EQ(study.funnel().quarantined, 0);
}

TEST(FailingEvaluation, on_all_threads_at_once_does_not_end_the_search) {
    constexpr int threads = 12;  // more than the failures in a row that end a thread
    Study study(20);
    std::atomic<int> started = 0;
    const auto wait_until = [](const std::function<bool()>& holds) {
        for (int wait = 0; wait < 30000 && !holds(); ++wait) std::this_thread::sleep_for(1ms);
    };
    std::atomic<int> failed = 0;
    EXPECT_TRUE(work(study.configuration, [&] { return study.file.open(); }, {}, threads,
                     of_graph([&](const primitives::LayerGraph& graph, const std::stop_token&) {
                         if (++started <= threads) {
                             wait_until([&] { return started >= threads; });
                             throw std::runtime_error("the disk was away for a moment");
                         }
                         wait_until([&] { return failed >= threads; });  // no success comes between
                         return quick_score(graph);
                     }),
                     {}, {.report = [&](const Event& event) { failed += event.kind == Kind::failed ? 1 : 0; }}));
    EXPECT_EQ(failed, threads);
}

TEST(FailingStore, ends_the_search_with_its_error) {
    Study study;
    std::atomic<int> opened = 0;
    const auto open = [&]() -> std::unique_ptr<results::Store> {
        if (++opened == 3) throw results::StoreError("disk full");
        return study.file.open();
    };
    EXPECT_THROW(work(study.configuration, open, {}, 2, of_graph(never_ready), {}, {}), results::StoreError);
}

}  // namespace
}  // namespace normact::search
