#include "results/schema.h"

#include "results/sqlite.h"
#include "results/study_file.h"
#include "results/study_view.h"

#include <gmock/gmock.h>
#include <sqlite3.h>

#include <cctype>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <thread>

namespace normact::results {
namespace {
using testing::HasSubstr;

std::string content(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

/// Makes a database of a fixture, which a program of that format wrote.
void restore_old_study(const std::string& path, const std::string& fixture = "study_v1.sql") {
    const auto script = content(NORMACT_FIXTURES "/" + fixture);
    ASSERT_FALSE(script.empty());
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(database, script.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(database);
    sqlite3_close(database);
}

/// Every table and index, as the database has it, without spaces.
std::multiset<std::string> tables(const std::string& path) {
    const auto sql = connect_sqlite(path);
    std::multiset<std::string> all;
    std::string statement;
    soci::statement query =
        (sql->prepare << "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL", soci::into(statement));
    query.execute();
    while (query.fetch()) {
        std::erase_if(statement, [](unsigned char c) { return std::isspace(c); });
        all.insert(statement);
    }
    return all;
}

class OldStudy : public testing::Test {
  protected:
    void SetUp() override { restore_old_study(path); }

    TemporaryFolder folder;
    const std::string path = folder.file("old.normact");
};

TEST_F(OldStudy, keeps_all_that_it_held) {
    const auto store = open_study(path);
    EXPECT_EQ(store->configuration(), "{\"seed\": 1}");
    const auto funnel = store->funnel();
    EXPECT_EQ(funnel.proposed, 8);
    EXPECT_EQ(funnel.scored, 3);
    EXPECT_EQ(store->find(2)->parent, 1);
    EXPECT_EQ(store->find(3)->outcome.scores.at(0).accuracy, 0.5);
    EXPECT_EQ(store->find(4)->outcome.reason, "does not depend on x");
    EXPECT_EQ(store->find(5)->outcome.reason, "mobilenet-tiny: accuracy 0.11 after 100 steps");
    EXPECT_EQ(store->evaluated_by(store->find(1)->fingerprint)->host, "host-a");
    std::int64_t position = 0;
    EXPECT_EQ(store->scored_since(0, 100, position).size(), 5u);
    EXPECT_EQ(position, 5);
}

TEST_F(OldStudy, can_be_ranked_and_gone_on_with) {
    const auto store = open_study(path);
    std::vector<CandidateId> best;
    for (const auto& candidate : store->best(10)) best.push_back(candidate.id);
    EXPECT_EQ(best, (std::vector<CandidateId>{2, 1})) << "candidate 6 has an accuracy that is not a number";
    const auto worker = store->add_worker({"host-b", 1, "cpu", "aten", "later"});
    const auto claim = store->reclaim(worker, std::chrono::seconds(60), 3);
    ASSERT_TRUE(claim);
    EXPECT_EQ(claim->candidate, 7);
    EXPECT_TRUE(store->finish(worker, claim->fingerprint, scored(0.9, 0.9)));
    EXPECT_EQ(store->best(1).at(0).id, 7);
}

TEST_F(OldStudy, has_the_tables_of_a_new_one_afterwards) {
    open_study(path);
    const StudyFile fresh("{}");
    EXPECT_EQ(tables(path), tables(fresh.path()));
    EXPECT_EQ(stored_schema_version(*connect_sqlite(path)), schema_version());
}

TEST_F(OldStudy, can_be_opened_by_many_at_once) {
    std::vector<std::string> errors(8);
    std::vector<std::jthread> threads;
    threads.reserve(errors.size());
    for (auto& error : errors)
        threads.emplace_back([&] {
            try {
                if (open_study(path)->funnel().proposed != 8) error = "something is missing";
            } catch (const std::exception& exception) {
                error = exception.what();
            }
        });
    threads.clear();
    EXPECT_THAT(errors, testing::Each(""));
}

TEST_F(OldStudy, stays_as_it_was_when_a_step_fails) {
    *connect_sqlite(path) << "CREATE TABLE evaluation_mean_accuracy (in_the_way INTEGER)";
    const auto before = tables(path);
    EXPECT_THROW(open_study(path), StoreError);
    EXPECT_EQ(tables(path), before);
    EXPECT_EQ(stored_schema_version(*connect_sqlite(path)), 1);
}

TEST(StudyOfFormat4, keeps_all_that_it_held_and_takes_trials) {
    const TemporaryFolder folder;
    const std::string path = folder.file("old.normact");
    restore_old_study(path, "study_v4.sql");
    EXPECT_EQ(stored_schema_version(*connect_sqlite(path)), 4);
    const auto store = open_study(path);
    EXPECT_EQ(store->funnel().proposed, 7);
    EXPECT_EQ(store->best(10).size(), 3u);
    const auto trials = open_trials(path);
    EXPECT_TRUE(trials->trials().empty());
    const Trial one{{"{}", store->find(1)->hash, {}, 0}, store->find(1)->graph};
    EXPECT_EQ(trials->claim(1, std::span(&one, 1), long_lease, 3), 0u);
    const StudyFile fresh("{}");
    EXPECT_EQ(tables(path), tables(fresh.path()));
}

TEST(StudyOfFormat6, keeps_its_trials_and_audits) {
    const TemporaryFolder folder;
    const std::string path = folder.file("old.normact");
    restore_old_study(path, "study_v6.sql");
    EXPECT_EQ(stored_schema_version(*connect_sqlite(path)), 6);
    EXPECT_EQ(open_trials(path)->trials().size(), 6u);
    EXPECT_EQ(open_study(path)->audits().size(), 5u);
    CandidateQuery query;
    query.task = "synthetic/resnet-micro";
    EXPECT_EQ(open_study_view(path)->page(query).candidates.size(), 1u);
    const StudyFile fresh("{}");
    EXPECT_EQ(tables(path), tables(fresh.path()));
}

TEST(NewerStudy, is_refused_with_advice_and_left_as_it_is) {
    const StudyFile study("{}");
    *connect_sqlite(study.path()) << "UPDATE schema_version SET version = version + 1";
    const auto before = content(study.path());
    try {
        open_study(study.path());
        FAIL() << "opened";
    } catch (const StoreError& error) {
        EXPECT_THAT(error.what(), HasSubstr(study.path()));
        EXPECT_THAT(error.what(), HasSubstr("newer normact"));
        EXPECT_THAT(error.what(), HasSubstr("Update"));
    }
    EXPECT_EQ(content(study.path()), before);
}

}  // namespace
}  // namespace normact::results
