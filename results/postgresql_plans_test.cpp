// The queries of the search's loop must not slow down as a study grows: none of them reads a whole table.

#include "results/large_study.h"
#include "results/sql_store.h"
#include "results/store_plans.h"
#include "results/study_in_postgresql.h"

#include <gmock/gmock.h>
#include <soci/postgresql/soci-postgresql.h>

#include <algorithm>
#include <libpq-fe.h>
#include <regex>

namespace normact::results {
namespace {

/// A connection to a study that tells how the server ran each of its statements.
class Explained {
  public:
    explicit Explained(const StudyInPostgresql& study) : place_(parse_postgresql_place(study.place())) {
        auto session = connect_postgresql(place_);
        *session << "LOAD 'auto_explain'";
        for (const char* setting :
             {"auto_explain.log_min_duration = 0", "auto_explain.log_analyze = on", "auto_explain.log_buffers = on",
              "auto_explain.log_timing = off", "auto_explain.log_nested_statements = on", "client_min_messages = log"})
            *session << "SET " + std::string(setting);
        auto* const backend = static_cast<soci::postgresql_session_backend*>(session->get_backend());
        PQsetNoticeProcessor(
            backend->conn_,
            [](void* plans, const char* plan) { static_cast<std::vector<std::string>*>(plans)->emplace_back(plan); },
            &plans_);
        store_ = make_sql_store(std::move(session), postgresql_dialect(place_), place_.text());
    }
    Store& store() { return *store_; }

    /// The plans of the statements since the last call.
    std::vector<std::string> plans() { return std::exchange(plans_, {}); }

    /// The pages that they touched.
    std::int64_t pages() {
        static const std::regex line(R"(Buffers: shared(?: hit=(\d+))?(?: read=(\d+))?)");
        std::int64_t sum = 0;
        for (const std::string& plan : plans()) {
            std::smatch found;  // the first line counts those of the parts below, too
            if (!std::regex_search(plan, found, line)) continue;
            for (int part : {1, 2}) sum += found[part].matched ? std::stoll(found[part]) : 0;
        }
        return sum;
    }

  private:
    PostgresqlPlace place_;
    std::vector<std::string> plans_;
    std::unique_ptr<Store> store_;
};

void fill(StudyInPostgresql& study, int stored) {
    const auto session = study.connect();
    fill_with_candidates(*session, postgresql_dialect(parse_postgresql_place(study.place())), stored);
    // What the server does by itself, by and by.
    *session << "VACUUM ANALYZE";
}

/// More than the workers that there are, and than any statement asks for; far less than candidates.
constexpr std::int64_t most_read = 2000;

/// The most rows that a part of the plan read.
std::int64_t most_rows_read(const std::string& plan) {
    static const std::regex rows(R"((?:Scan[^\n]*actual rows=|Rows Removed by [^\n]*: )(\d+))");
    std::int64_t most = 0;
    for (std::sregex_iterator found(plan.begin(), plan.end(), rows), end; found != end; ++found)
        most = std::max<std::int64_t>(most, std::stoll((*found)[1]));
    return most;
}

TEST(PostgresqlPlans, of_the_loop_s_statements_read_no_table_that_grows_as_a_whole) {
    StudyInPostgresql study("{}");
    fill(study, 20000);
    Explained explained(study);
    use_every_member(explained.store());
    const auto plans = explained.plans();
    ASSERT_GT(plans.size(), 30u);
    for (const std::string& plan : plans) EXPECT_LE(most_rows_read(plan), most_read) << plan;
}

TEST(PostgresqlPlans, say_so_where_a_whole_table_is_read) {
    StudyInPostgresql study("{}");
    fill(study, 20000);
    Explained explained(study);
    explained.store().finished_within(std::chrono::hours(1'000'000));  // all that was ever finished
    const auto plans = explained.plans();
    EXPECT_TRUE(std::ranges::any_of(plans, [](const auto& plan) { return most_rows_read(plan) >= 10'000; }));
    explained.store().finished_within(std::chrono::hours(1));
    for (const std::string& plan : explained.plans()) EXPECT_LE(most_rows_read(plan), most_read) << plan;
}

TEST(PostgresqlPlans, of_the_loop_touch_no_more_pages_in_a_large_study) {
    const auto pages_of_a_hundred_rounds = [](int stored) {
        StudyInPostgresql study("{}");
        fill(study, stored);
        Explained explained(study);
        Loop loop(explained.store(), 1'000'000);
        explained.plans();
        loop.go_around(100);
        return explained.pages();
    };
    const auto small = pages_of_a_hundred_rounds(1000);
    EXPECT_GT(small, 1000);
    EXPECT_LT(pages_of_a_hundred_rounds(40000), 3 * small / 2) << "forty times larger: trees are a little deeper";
}

}  // namespace
}  // namespace normact::results
