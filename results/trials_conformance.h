#pragma once

// What every store of trials must do, alone and with several processes, as one suite over a factory, like
// store_conformance.h.

#include "primitives/generator.h"
#include "results/child_process.h"
#include "results/study_copies.h"
#include "results/study_place.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <set>
#include <thread>

namespace normact::results {

class TrialConformance : public testing::TestWithParam<Backend> {
  protected:
    using State = TrialRecord::State;
    static constexpr std::chrono::seconds no_lease{0};

    void SetUp() override {
        place = GetParam().make("{}");
        store = place->open();
        trials = place->open_trials();
        worker = add_worker("host");
    }
    WorkerId add_worker(const std::string& host) { return store->add_worker({host, 42, "cpu", "aten", "0.1.0"}); }
    std::optional<std::size_t> claim(const std::vector<Trial>& wanted, std::chrono::seconds lease = long_lease,
                                     int attempts = 3) {
        return trials->claim(worker, wanted, lease, attempts);
    }
    TrialRecord only() {
        const auto all = trials->trials();
        EXPECT_EQ(all.size(), 1u);
        return all.at(0);
    }

    std::unique_ptr<StudyPlace> place;
    std::unique_ptr<Store> store;
    std::unique_ptr<TrialStore> trials;
    WorkerId worker = 0;
};

TEST_P(TrialConformance, claims_the_first_that_nobody_holds) {
    const std::vector<Trial> wanted{trial(1), trial(2), trial(2, 1)};
    EXPECT_EQ(claim(wanted), 0u);
    EXPECT_EQ(place->open_trials()->claim(add_worker("other"), wanted, long_lease, 3), 1u);
    EXPECT_EQ(claim(wanted), 2u);
    EXPECT_EQ(claim(wanted), std::nullopt);
    EXPECT_EQ(claim({}), std::nullopt);
    EXPECT_TRUE(trials->trials().at(0).held);
}

TEST_P(TrialConformance, keeps_values_to_the_last_bit_under_their_names) {
    Trial one = trial(1);
    one.name.settings.epsilon = std::nextafter(1e-3, 1);
    const Trial other = trial(1);
    claim({one});
    claim({other});
    EXPECT_TRUE(trials->finish(worker, one.name, std::nextafter(1.0 / 3, 1), 2.5));
    const auto records = place->open_trials()->trials();
    ASSERT_EQ(records.size(), 2u) << "another epsilon is another trial";
    EXPECT_EQ(records[0].name, other.name);
    EXPECT_EQ(records[0].state, State::open);
    EXPECT_EQ(records[1].name, one.name);
    EXPECT_EQ(records[1].state, State::finished);
    EXPECT_EQ(records[1].value, std::nextafter(1.0 / 3, 1));
    EXPECT_EQ(records[1].seconds, 2.5);
    EXPECT_FALSE(records[1].held);
    EXPECT_EQ(claim({one}), std::nullopt) << "there is nothing left to do";
}

TEST_P(TrialConformance, takes_the_first_value_alone_from_whoever_brings_it) {
    claim({trial(1)}, no_lease);
    const auto other = add_worker("other");
    EXPECT_EQ(trials->claim(other, std::vector{trial(1)}, long_lease, 3), 0u);
    EXPECT_TRUE(trials->finish(worker, trial(1).name, 0.5, 1)) << "late, and yet the first";
    EXPECT_FALSE(trials->finish(other, trial(1).name, 0.25, 1));
    EXPECT_EQ(only().value, 0.5);
}

TEST_P(TrialConformance, refuses_values_that_make_no_sense) {
    EXPECT_THROW(trials->finish(worker, trial(1).name, 0.5, 1), StoreError) << "nobody has claimed it";
    claim({trial(1)});
    for (const double value : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()})
        for (const auto& [result, seconds] : {std::pair(value, 1.0), std::pair(0.5, value)})
            EXPECT_THROW(trials->finish(worker, trial(1).name, result, seconds), std::invalid_argument);
    EXPECT_EQ(only().state, State::open);
}

TEST_P(TrialConformance, hands_a_claim_on_when_its_lease_has_run_out_or_it_is_given_back) {
    claim({trial(1)});
    const auto other = add_worker("other");
    const std::vector wanted{trial(1)};
    EXPECT_FALSE(trials->claim(other, wanted, long_lease, 3));
    trials->release(other, trial(1).name);
    EXPECT_FALSE(trials->claim(other, wanted, long_lease, 3)) << "only its holder can give it back";
    trials->release(worker, trial(1).name);
    EXPECT_TRUE(trials->claim(other, wanted, long_lease, 1)) << "the attempt did not count";
    EXPECT_FALSE(trials->renew(worker, trial(1).name, long_lease));
    EXPECT_TRUE(trials->renew(other, trial(1).name, no_lease));
    EXPECT_EQ(claim(wanted), 0u);
}

TEST_P(TrialConformance, quarantines_after_the_last_attempt_with_the_last_reason) {
    for (int attempt = 1; attempt <= 2; ++attempt) {
        EXPECT_EQ(claim({trial(1)}, long_lease, 2), 0u);
        trials->fail(worker, trial(1).name, "no memory " + std::to_string(attempt));
    }
    EXPECT_EQ(claim({trial(1), trial(2)}, no_lease, 2), 1u) << "the next one is handed out";
    const auto records = trials->trials();
    EXPECT_EQ(records.at(0).state, State::quarantined);
    EXPECT_EQ(records.at(0).reason, "no memory 2");
    claim({trial(2)}, no_lease, 2);
    EXPECT_EQ(claim({trial(2)}, no_lease, 2), std::nullopt);
    EXPECT_EQ(trials->trials().at(1).reason, "its workers stopped without a word");
    EXPECT_TRUE(trials->finish(worker, trial(2).name, 0.5, 1)) << "a late result counts";
    EXPECT_EQ(trials->retry_quarantined(), 1);
    EXPECT_EQ(trials->trials().at(0).reason, "");
    EXPECT_EQ(claim({trial(1)}, long_lease, 1), 0u);
}

TEST_P(TrialConformance, refuses_workers_whose_scores_were_taken_back_with_their_trials) {
    claim({trial(1)});
    trials->finish(worker, trial(1).name, 0.5, 1);
    const auto other = add_worker("other");
    trials->claim(other, std::vector{trial(2)}, long_lease, 3);
    trials->finish(other, trial(2).name, 0.25, 1);
    EXPECT_EQ(store->invalidate({.worker = worker, .host = {}, .build = {}}), (TakenBack{0, 1, 1}));
    EXPECT_EQ(trials->trials().at(0).state, State::open);
    EXPECT_EQ(trials->trials().at(1).state, State::finished);
    EXPECT_THROW(claim({trial(1)}), WorkerRefused);
    EXPECT_FALSE(trials->trials().at(0).held) << "a refused claim leaves nothing behind";
    EXPECT_EQ(trials->claim(other, std::vector{trial(1)}, long_lease, 1), 0u);
}

/// A worker that takes what is open until nothing is left, and loses or forgets some of it.
inline void train_all(StudyPlace& place, const std::vector<Trial>& wanted, std::uint64_t seed) {
    Generator generator(seed);
    const auto worker = place.open()->add_worker({"host", getpid(), "cpu", "aten", "0"});
    const auto trials = place.open_trials();
    while (const auto taken =
               trials->claim(worker, wanted, std::chrono::seconds(uniform_below(generator, 2) * 2), 1000)) {
        const TrialName& name = wanted[*taken].name;
        const auto draw = uniform_below(generator, 8);
        if (draw == 0) trials->release(worker, name);
        if (draw == 1) trials->fail(worker, name, "no memory");
        if (draw == 2) trials->renew(worker, name, std::chrono::seconds(2));
        if (draw >= 3) trials->finish(worker, name, 0.001 * name.replicate, 1);
    }
}

TEST_P(TrialConformance, loses_nothing_among_processes_that_are_killed) {
    std::vector<Trial> wanted;
    for (int replicate = 0; replicate < 60; ++replicate) wanted.push_back(trial(replicate % 3, replicate));
    Generator moments(5);
    for (std::uint64_t round = 0; round < 15; ++round) {
        const pid_t child = start_child([&] { train_all(*place, wanted, round); });
        std::this_thread::sleep_for(std::chrono::microseconds(uniform_below(moments, 20'000)));
        kill(child, SIGKILL);
        wait_for(child);
    }
    // Leases of the killed end within two seconds; workers that find nothing open come back.
    const auto finished = [&] {
        const auto records = trials->trials();
        return std::ranges::count(records, State::finished, &TrialRecord::state);
    };
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(2);
    while (finished() < 60 && std::chrono::steady_clock::now() < deadline) {
        std::vector<pid_t> children;
        for (std::uint64_t i = 0; i < 4; ++i)
            children.push_back(start_child([&, i] { train_all(*place, wanted, 100 + i); }));
        for (const pid_t child : children) EXPECT_EQ(wait_for(child), 0);
    }
    const auto records = trials->trials();
    ASSERT_EQ(records.size(), 60u);
    std::set<int> replicates;
    for (const TrialRecord& record : records) {
        EXPECT_EQ(record.state, State::finished);
        EXPECT_EQ(record.value, 0.001 * record.name.replicate);
        replicates.insert(record.name.replicate);
    }
    EXPECT_EQ(replicates.size(), 60u);
}

}  // namespace normact::results
