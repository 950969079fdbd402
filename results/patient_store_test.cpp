#include "results/patient_store.h"

#include "results/study_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <thread>

namespace normact::results {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

/// A study that is away for the first so many tries.
struct Outage {
    explicit Outage(int tries) : left(tries) {}

    std::unique_ptr<Store> open() {
        if (left-- > 0) throw StoreUnavailable("the server was stopped");
        return study.open();
    }
    std::unique_ptr<Store> patient() {
        return make_patient_store(
            [this] { return open(); },
            {1ms, 4ms, stop.get_token(), [this](const std::string& text) { told.push_back(text); },
             [this](const std::string& text) { warnings.push_back(text); }},
            undelivered);
    }
    int letters() const {
        std::error_code none;
        int count = 0;
        for (std::filesystem::directory_iterator entry(folder.file("letters"), none), end; entry != end; ++entry)
            ++count;
        return count;
    }

    StudyFile study{"{}"};
    TemporaryFolder folder;
    std::shared_ptr<const Undelivered> undelivered = std::make_shared<Undelivered>(folder.file("letters"));
    std::stop_source stop;
    std::vector<std::string> told, warnings;
    int left;
};

TEST(PatientStore, waits_for_a_database_that_is_away_and_tells_it_twice) {
    Outage outage(5);
    const auto store = outage.patient();
    const auto worker = store->add_worker({"host", 1, "cpu", "cpu", "0"});
    EXPECT_EQ(store->propose(worker, proposal(1), long_lease).verdict, Admission::Verdict::claimed);
    EXPECT_EQ(outage.told, (std::vector<std::string>{"the server was stopped", ""}));
    EXPECT_EQ(outage.study.open()->funnel().proposed, 1);
}

TEST(PatientStore, stops_waiting_when_a_stop_is_requested) {
    Outage outage(1'000'000);
    const auto store = outage.patient();
    const std::jthread stopper([&] {
        std::this_thread::sleep_for(20ms);
        outage.stop.request_stop();
    });
    EXPECT_THROW(store->funnel(), StoreUnavailable);
}

TEST(PatientStore, does_not_wait_with_what_comes_again_or_ends_a_worker) {
    Outage outage(1'000'000);
    const auto store = outage.patient();
    EXPECT_THROW(store->renew(1, proposal(1).fingerprint, long_lease, {}), StoreUnavailable);
    EXPECT_THROW(store->release(1, proposal(1).fingerprint), StoreUnavailable);
    EXPECT_THROW(store->end_worker(1), StoreUnavailable);
}

TEST(PatientStore, tries_over_a_new_connection_before_it_gives_up_a_claim_or_stops) {
    Outage outage(0);
    const auto worker = outage.open()->add_worker({});
    outage.open()->propose(worker, proposal(1), long_lease);
    outage.open()->propose(worker, proposal(2), long_lease);
    const auto store = outage.patient();
    outage.left = 1;
    store->release(worker, proposal(1).fingerprint);
    EXPECT_TRUE(outage.study.open()->reclaim(worker, long_lease, 3));
    outage.stop.request_stop();
    const auto stopping = outage.patient();
    outage.left = 1;
    EXPECT_TRUE(stopping->finish(worker, proposal(2).fingerprint, scored(0.5, 0.5)));
    EXPECT_EQ(outage.letters(), 0);
}

TEST(PatientStore, passes_errors_that_waiting_does_not_mend) {
    Outage outage(0);
    EXPECT_THROW(outage.patient()->finish(1, proposal(1).fingerprint, scored(0.5, 0.5)), StoreError);
    EXPECT_TRUE(outage.told.empty());
    EXPECT_EQ(outage.letters(), 1) << "but an outcome is kept: what is wrong may be mended";
}

TEST(PatientStore, keeps_an_outcome_on_disk_until_it_is_recorded) {
    Outage outage(0);
    const auto store = outage.patient();
    const auto worker = store->add_worker({"host", 1, "cpu", "cpu", "0"});
    store->propose(worker, proposal(1), long_lease);
    Outage away(1'000'000);
    away.undelivered = outage.undelivered;
    {
        const auto without_database = away.patient();
        const std::jthread stopper([&] {
            std::this_thread::sleep_for(20ms);
            away.stop.request_stop();
        });
        EXPECT_THROW(without_database->finish(worker, proposal(1).fingerprint, scored(1.0 / 3, 0.25)),
                     StoreUnavailable);
    }
    EXPECT_EQ(outage.letters(), 1);
    const auto again = outage.study.open();
    EXPECT_EQ(outage.undelivered->deliver(*again, [](const std::string&) {}), 1);
    EXPECT_EQ(outage.letters(), 0);
    EXPECT_EQ(again->best(1).at(0).outcome.scores.at(0).accuracy, 1.0 / 3) << "to the last bit";
    EXPECT_EQ(again->evaluated_by(proposal(1).fingerprint)->host, "host");
}

TEST(PatientStore, leaves_no_file_of_an_outcome_that_was_recorded_after_an_outage) {
    Outage outage(0);
    const auto worker = outage.open()->add_worker({});
    outage.open()->propose(worker, proposal(1), long_lease);
    outage.left = 3;
    EXPECT_TRUE(outage.patient()->finish(worker, proposal(1).fingerprint, scored(0.5, 0.5)));
    EXPECT_EQ(outage.letters(), 0);
}

TEST(PatientStore, keeps_an_outcome_in_memory_where_the_disk_is_full) {
    Outage outage(0);
    const auto worker = outage.open()->add_worker({});
    outage.open()->propose(worker, proposal(1), long_lease);
    outage.left = 3;
    outage.undelivered = std::make_shared<Undelivered>("/proc/no/such/folder");
    EXPECT_TRUE(outage.patient()->finish(worker, proposal(1).fingerprint, scored(0.5, 0.5)));
    EXPECT_THAT(outage.warnings, testing::ElementsAre(HasSubstr("XDG_STATE_HOME")));
    EXPECT_EQ(outage.told.size(), 2u);
}

TEST(Undelivered, sets_aside_what_is_no_outcome_or_is_not_wanted) {
    const TemporaryFolder folder;
    const Undelivered undelivered(folder.file(""));
    std::ofstream(folder.file("1-a.json")) << "{\"format\": \"something else\"}";
    std::ofstream(folder.file("2-b.json")) << "{";
    undelivered.keep(7, proposal(99).fingerprint, scored(0.5, 0.5));
    StudyFile study("{}");
    std::vector<std::string> told;
    EXPECT_EQ(undelivered.deliver(*study.open(), [&](const std::string& text) { told.push_back(text); }), 0);
    EXPECT_EQ(told.size(), 3u);
    EXPECT_EQ(undelivered.deliver(*study.open(), [&](const std::string& text) { told.push_back(text); }), 0);
    EXPECT_EQ(told.size(), 3u) << "and does not try again";
}

TEST(Undelivered, keeps_rejections_and_accuracies_that_are_not_numbers) {
    const TemporaryFolder folder;
    const Undelivered undelivered(folder.file("letters"));
    StudyFile study("{}");
    const auto store = study.open();
    const auto worker = store->add_worker({});
    for (const std::uint64_t function : {1, 2}) store->propose(worker, proposal(function), long_lease);
    undelivered.keep(worker, proposal(1).fingerprint, rejected(proxy_tasks::Rejection::stability));
    undelivered.keep(worker, proposal(2).fingerprint, scored(std::nan(""), 0.5));
    EXPECT_EQ(undelivered.deliver(*store, [](const std::string&) {}), 2);
    EXPECT_EQ(store->funnel().stability, 1);
    EXPECT_EQ(store->find(1)->outcome.reason, rejected(proxy_tasks::Rejection::stability).reason);
    EXPECT_TRUE(std::isnan(store->find(2)->outcome.scores.at(0).accuracy));
}

}  // namespace
}  // namespace normact::results
