#pragma once

// Many processes on one study, and processes that are killed: a suite over a factory, like store_conformance.h.

#include "primitives/generator.h"
#include "primitives/temporary_folder.h"
#include "results/child_process.h"
#include "results/study_place.h"

#include <gtest/gtest.h>
#include <soci/soci.h>

#include <chrono>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

namespace normact::results {

/// What a worker was told is recorded, written where a kill can't take it back.
class Diary {
  public:
    explicit Diary(const std::string& path) : file_(open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644)) {}
    ~Diary() { close(file_); }
    Diary(const Diary&) = delete;
    Diary& operator=(const Diary&) = delete;

    void write(const std::string& line) const {
        const auto text = line + "\n";  // one call, so that a line is there whole or not at all
        if (::write(file_, text.data(), text.size()) != static_cast<ssize_t>(text.size()))
            throw std::runtime_error("the diary can't be written");
    }

  private:
    int file_;
};

inline proxy_tasks::Outcome random_outcome(Generator& generator) {
    if (uniform_below(generator, 3) == 0) return rejected(proxy_tasks::Rejection::quality);
    return scored(uniform_unit(generator), uniform_unit(generator));
}

inline std::string text_of(const proxy_tasks::Outcome& outcome) {
    std::string text(outcome.reason);
    for (const auto& score : outcome.scores) text += " " + std::to_string(score.accuracy);
    return text;
}

/// One step of a worker that now and then loses its lease, fails, gives up or proposes an invalid layer.
inline void take_a_step(Store& store, WorkerId worker, Generator& generator, std::uint64_t functions, Diary& diary) {
    const std::chrono::seconds lease(uniform_below(generator, 2) * 3600);
    const auto evaluate = [&](const primitives::Hash128& fingerprint) {
        const auto draw = uniform_below(generator, 10);
        if (draw == 1) store.release(worker, fingerprint);
        if (draw == 2) store.fail(worker, fingerprint, "no memory");
        if (draw <= 2) return;  // 0: forgotten, as if the worker had died
        if (draw == 3) store.renew(worker, fingerprint, lease);
        const auto outcome = random_outcome(generator);
        if (store.finish(worker, fingerprint, outcome))
            diary.write("finished " + std::to_string(fingerprint.low) + " " + text_of(outcome));
    };
    if (uniform_below(generator, 4) == 0) {
        if (const auto claim = store.reclaim(worker, lease, 3)) evaluate(claim->fingerprint);
        return;
    }
    auto layer = proposal(uniform_below(generator, functions));
    if (uniform_below(generator, 10) == 0) layer.invalid = "not finite";
    const auto admission = store.propose(worker, layer, lease);
    diary.write("proposed " + std::to_string(admission.candidate));
    if (admission.verdict == Admission::Verdict::claimed) evaluate(layer.fingerprint);
}

inline std::int64_t count(soci::session& sql, const std::string& query) {
    long long number = -1;
    sql << query, soci::into(number);
    return number;
}

/// Recounts everything that a study says about itself.
inline void audit(Store& store, soci::session& sql) {
    const auto funnel = store.funnel();

    const auto evaluations = [&](const std::string& what) {
        return count(sql, "SELECT COUNT(*) FROM evaluation WHERE " + what);
    };
    EXPECT_EQ(funnel.proposed, count(sql, "SELECT COUNT(*) FROM candidate"));
    EXPECT_EQ(funnel.invalid, count(sql, "SELECT COUNT(*) FROM candidate WHERE invalid IS NOT NULL"));
    EXPECT_EQ(funnel.duplicate,
              count(sql, "SELECT COUNT(*) FROM candidate WHERE invalid IS NULL") - evaluations("1 = 1"));
    EXPECT_EQ(funnel.quality, evaluations("state = 'rejected' AND rejection = 'quality'"));
    EXPECT_EQ(funnel.stability, evaluations("state = 'rejected' AND rejection = 'stability'"));
    EXPECT_EQ(funnel.scored, evaluations("state = 'scored'"));
    EXPECT_EQ(funnel.quarantined, evaluations("state = 'quarantined'"));
    EXPECT_EQ(funnel.open, evaluations("state = 'open'"));
    EXPECT_EQ(funnel.proposed, funnel.invalid + funnel.duplicate + funnel.quality + funnel.stability + funnel.scored +
                                   funnel.quarantined + funnel.open);

    EXPECT_EQ(count(sql, "SELECT COUNT(*) FROM score"), 2 * funnel.scored) << "two tasks, no score twice";
    EXPECT_EQ(count(sql,
                    "SELECT COUNT(*) FROM candidate JOIN evaluation USING (fingerprint)"
                    " WHERE invalid IS NULL AND (position IS NOT NULL) <> (state = 'scored')"),
              0)
        << "the scored have positions, and only they";
    EXPECT_EQ(count(sql, "SELECT COUNT(position) FROM candidate"),
              count(sql, "SELECT COALESCE(MAX(position), 0) FROM candidate"))
        << "positions leave no gaps";
}

/// Checks that the study holds all that was written into a diary. The number of entries.
inline int compare_with_diary(StudyPlace& study, const std::string& diary) {
    const auto store = study.open();
    const auto session = study.connect();
    std::ifstream file(diary);
    std::string what, text;
    long long number = 0;
    int entries = 0;
    while (file >> what >> number && std::getline(file, text)) {
        ++entries;
        if (what == "proposed") {
            EXPECT_TRUE(store->find(number)) << "candidate " << number << " is lost";
            continue;
        }
        const auto fingerprint = to_string(proposal(static_cast<std::uint64_t>(number)).fingerprint);
        const auto id = count(*session, "SELECT candidate FROM evaluation WHERE fingerprint = '" + fingerprint + "'");
        EXPECT_EQ(" " + text_of(store->find(id)->outcome), text) << "the outcome of " << number << " is another";
    }
    return entries;
}

class StoreProcesses : public testing::TestWithParam<Backend> {};

TEST_P(StoreProcesses, eight_at_once_on_one_study_lose_nothing_and_score_nothing_twice) {
    const auto study = GetParam().make("{}");
    const TemporaryFolder folder;
    std::vector<pid_t> children;
    children.reserve(8);
    for (int i = 0; i < 8; ++i)
        children.push_back(start_child([&, i] {
            Generator generator(static_cast<std::uint64_t>(i));
            Diary diary(folder.file("diary" + std::to_string(i)));
            const auto store = study->open();
            const auto worker = store->add_worker({"host", getpid(), "cpu", "aten", "0"});
            for (int step = 0; step < 250; ++step) take_a_step(*store, worker, generator, 400, diary);
        }));
    for (const auto child : children) EXPECT_EQ(wait_for(child), 0);
    audit(*study->open(), *study->connect());
    int entries = 0;
    for (int i = 0; i < 8; ++i) entries += compare_with_diary(*study, folder.file("diary" + std::to_string(i)));
    EXPECT_GT(entries, 1000);
}

TEST_P(StoreProcesses, that_finish_the_same_layers_at_the_same_moment_record_one_outcome_each) {
    constexpr std::uint64_t layers = 300;
    const auto study = GetParam().make("{}");
    const TemporaryFolder folder;
    {
        const auto store = study->open();
        const auto first = store->add_worker({});
        for (std::uint64_t layer = 0; layer < layers; ++layer)
            store->propose(first, proposal(layer), std::chrono::seconds(0));
    }
    std::vector<pid_t> children;
    children.reserve(4);
    for (int i = 0; i < 4; ++i)
        children.push_back(start_child([&, i] {
            Generator generator(static_cast<std::uint64_t>(i));
            Diary diary(folder.file("diary"));
            const auto store = study->open();
            const auto worker = store->add_worker({"host", getpid(), "cpu", "aten", "0"});
            for (std::uint64_t layer = 0; layer < layers; ++layer) {
                const auto outcome = random_outcome(generator);
                const auto fingerprint = proposal(layer).fingerprint;
                if (store->finish(worker, fingerprint, outcome))
                    diary.write("finished " + std::to_string(layer) + " " + text_of(outcome));
            }
        }));
    for (const auto child : children) EXPECT_EQ(wait_for(child), 0);
    EXPECT_EQ(compare_with_diary(*study, folder.file("diary")), static_cast<int>(layers));
    EXPECT_EQ(count(*study->connect(), "SELECT SUM(evaluated) FROM worker"), static_cast<int>(layers));
    audit(*study->open(), *study->connect());
}

TEST_P(StoreProcesses, killed_at_any_moment_lose_nothing_that_was_recorded) {
    const auto study = GetParam().make("{}");
    const TemporaryFolder folder;
    Generator moments(11);
    const auto written = [&] {
        std::error_code missing;
        const auto size = std::filesystem::file_size(folder.file("diary"), missing);
        return missing ? 0 : size;
    };
    int killed = 0;
    for (int round = 0; round < 80; ++round) {
        const auto before = written();
        const auto child = start_child([&] {
            Generator generator(static_cast<std::uint64_t>(1000 + round));
            Diary diary(folder.file("diary"));
            const auto store = study->open();
            const auto worker = store->add_worker({"host", getpid(), "cpu", "aten", "0"});
            for (;;) take_a_step(*store, worker, generator, 2000, diary);
        });
        // Half of them at work, however slow the machine is; the others maybe while they open the study.
        for (int patience = 60'000; round % 2 == 0 && patience > 0 && written() == before; --patience)
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        std::this_thread::sleep_for(std::chrono::microseconds(uniform_below(moments, 40'000)));
        kill(child, SIGKILL);
        if (wait_for(child) == -SIGKILL) ++killed;
        if (round % 10 == 9) audit(*study->open(), *study->connect());
    }
    EXPECT_EQ(killed, 80);
    EXPECT_GT(compare_with_diary(*study, folder.file("diary")), 0);
}

}  // namespace normact::results
