// The queries of the search's loop must not slow down as a study grows: none of them reads a whole table.

#include "results/sql_store.h"
#include "results/sqlite.h"
#include "results/store_plans.h"
#include "results/study_file.h"

#include <gmock/gmock.h>
#include <soci/sqlite3/soci-sqlite3.h>

#include <set>
#include <sstream>

namespace normact::results {
namespace {

/// Every statement that a store's whole interface runs.
std::set<std::string> statements_of_a_store(const std::string& path) {
    std::ostringstream log;
    auto session = connect_sqlite(path);
    session->set_log_stream(&log);
    const auto store = make_sql_store(std::move(session), sqlite_dialect(), path);
    use_every_member(*store);
    std::set<std::string> statements;
    std::istringstream lines(log.str());
    for (std::string line; std::getline(lines, line);)
        for (const char* verb : {"SELECT", "INSERT", "UPDATE", "DELETE"})
            if (line.starts_with(verb)) statements.insert(line);
    return statements;
}

std::string plan_of(soci::session& sql, const std::string& statement) {
    int id = 0, parent = 0, unused = 0;
    std::string detail, plan;
    soci::statement query = (sql.prepare << "EXPLAIN QUERY PLAN " + statement, soci::into(id), soci::into(parent),
                             soci::into(unused), soci::into(detail));
    query.execute();
    while (query.fetch()) plan += detail + "\n";
    return plan;
}

TEST(Plans, of_the_loop_s_statements_read_no_table_that_grows_as_a_whole) {
    StudyFile study("{}");
    const auto statements = statements_of_a_store(study.path());
    ASSERT_GT(statements.size(), 15u);
    const auto sql = connect_sqlite(study.path());
    // For foreign keys SQLite also plans scans that it skips unless a reference is broken in the same transaction.
    *sql << "PRAGMA foreign_keys = OFF";
    for (const auto& statement : statements)
        EXPECT_THAT(plan_of(*sql, statement),
                    testing::Not(testing::ContainsRegex("SCAN (candidate|evaluation|score|failure|worker|c|e|s)\\b")))
            << statement;
}

TEST(Plans, say_so_where_a_whole_table_is_read) {
    StudyFile study("{}");
    EXPECT_THAT(plan_of(*connect_sqlite(study.path()), "SELECT COUNT(*) FROM candidate WHERE origin = 'random'"),
                testing::ContainsRegex("SCAN candidate\\b"));
}

/// Counts the steps of SQLite's virtual machine, in hundreds.
class StepCounter {
  public:
    explicit StepCounter(soci::session& session) {
        sqlite_api::sqlite3_progress_handler(
            static_cast<soci::sqlite3_session_backend*>(session.get_backend())->conn_, 100,
            [](void* count) {
                ++*static_cast<std::int64_t*>(count);
                return 0;
            },
            &count_);
    }
    StepCounter(const StepCounter&) = delete;
    StepCounter& operator=(const StepCounter&) = delete;
    std::int64_t count() const { return count_; }

  private:
    std::int64_t count_ = 0;
};

TEST(Plans, of_the_loop_take_no_more_steps_in_a_large_study) {
    StudyFile study("{}");
    auto session = connect_sqlite(study.path());
    const StepCounter steps(*session);
    auto dialect = sqlite_dialect();
    dialect.write_surely = dialect.write;  // thousands of candidates in little time
    const auto store = make_sql_store(std::move(session), dialect, study.path());
    Loop loop(*store);
    const auto steps_of_a_hundred_rounds = [&] {
        const auto before = steps.count();
        loop.go_around(100);
        return steps.count() - before;
    };
    const auto small = steps_of_a_hundred_rounds();
    while (loop.functions() < 4000) steps_of_a_hundred_rounds();
    EXPECT_GT(small, 100);
    EXPECT_LT(steps_of_a_hundred_rounds(), 3 * small / 2) << "a table forty times larger: trees are a little deeper";
}

}  // namespace
}  // namespace normact::results
