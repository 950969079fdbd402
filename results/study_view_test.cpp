#include "results/study_view.h"

#include "results/large_study.h"
#include "results/page_query.h"
#include "results/sql_study_view.h"
#include "results/study_file.h"
#include "results/study_view_conformance.h"

#include <soci/sqlite3/soci-sqlite3.h>

#include <filesystem>
#include <set>

namespace normact::results {
namespace {

INSTANTIATE_TEST_SUITE_P(Sqlite, StudyViewConformance, testing::Values(sqlite_backend()), name_of_backend);

TEST(SqliteView, has_a_connection_that_refuses_to_write) {
    StudyFile study("{}");
    const auto session = connect_sqlite_to_look(study.path());
    EXPECT_THROW(*session << "DELETE FROM worker", soci::soci_error);
    EXPECT_THROW(*session << "CREATE TABLE mine (a INTEGER)", soci::soci_error);
}

TEST(SqliteView, makes_no_file) {
    const TemporaryFolder folder;
    const auto path = folder.file("absent.study.db");
    EXPECT_THAT(error_of([&] { open_study_view(path); }), testing::HasSubstr("there is no study"));
    EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(SqliteView, of_an_older_study_says_how_it_is_brought_up_to_date) {
    StudyFile study("{}");
    downgrade_to_format_1(*study.connect());
    EXPECT_THAT(error_of([&] { study.look(); }), testing::HasSubstr("normact study upgrade"));
    study.open();
    EXPECT_EQ(study.look()->funnel().proposed, 0);
}

TEST(SqliteView, notices_that_its_file_is_gone_or_another_one) {
    StudyFile study("{}"), other("{}");
    const auto view = study.look();
    EXPECT_EQ(view->funnel().proposed, 0);
    const auto away = study.path() + ".away";
    std::filesystem::rename(study.path(), away);
    EXPECT_THAT(error_of([&] { view->funnel(); }), testing::HasSubstr("moved, removed or replaced"));
    std::filesystem::copy_file(other.path(), study.path());
    EXPECT_THAT(error_of([&] { view->configuration(); }), testing::HasSubstr("moved, removed or replaced"));
    std::filesystem::rename(away, study.path());
    EXPECT_EQ(view->configuration(), "{}");
}

TEST(SqliteView, of_a_file_that_is_no_study_says_so) {
    const TemporaryFolder folder;
    const auto path = folder.file("foreign.db");
    *connect_sqlite(path) << "CREATE TABLE theirs (a INTEGER)";
    EXPECT_THAT(error_of([&] { open_study_view(path); }), testing::HasSubstr("not a study"));
}

/// The steps of SQLite's virtual machine, in hundreds, for the first two pages in every order.
std::int64_t steps_of_pages(int stored) {
    StudyFile study("{}");
    fill_with_candidates(*study.connect(), sqlite_dialect(), stored);
    auto session = connect_sqlite_to_look(study.path());
    std::int64_t steps = 0;
    sqlite_api::sqlite3_progress_handler(
        static_cast<soci::sqlite3_session_backend*>(session->get_backend())->conn_, 100,
        [](void* count) {
            ++*static_cast<std::int64_t*>(count);
            return 0;
        },
        &steps);
    const auto view = make_sql_study_view({std::move(session), sqlite_dialect(), study.path()});
    using enum CandidateQuery::Order;
    const std::vector<std::pair<CandidateQuery::Order, std::string>> orders{
        {best, ""}, {worst, ""}, {best, "test/b"}, {worst, "test/b"}, {newest, ""}, {oldest, ""}};
    for (const auto& [order, task] : orders) {
        CandidateQuery query;
        query.order = order;
        query.task = task;
        for (int page = 0; page < 2; ++page) {
            const auto found = view->page(query);
            EXPECT_EQ(found.candidates.size(), 50u);
            query.after = found.next;
        }
    }
    return steps;
}

TEST(SqliteView, takes_no_more_steps_for_a_page_of_a_larger_study) {
    const auto small = steps_of_pages(2000);
    EXPECT_GT(small, 50);
    EXPECT_LT(steps_of_pages(20000), 3 * small / 2) << "ten times larger: trees are a little deeper";
}

TEST(SqliteView, joins_pages_that_looked_at_few_rows_to_all_that_a_filter_passes) {
    StudyFile study("{}");
    const auto store = study.open();
    const auto worker = store->add_worker({"host", 1, "cpu", "aten", "0"});
    std::set<CandidateId> wanted;
    for (std::uint64_t function = 0; function < 60; ++function) {  // few accuracies, so that many layers have each
        auto proposed = proposal(function);
        proposed.origin = function % 7 == 0 ? "wanted" : "other";
        const auto id = store->propose(worker, proposed, long_lease).candidate;
        store->finish(worker, proposed.fingerprint,
                      scored(0.1 * static_cast<double>(function % 3), 0.1 * static_cast<double>(function % 2)));
        if (function % 7 == 0) wanted.insert(id);
    }
    const auto sql = study.connect();
    using enum CandidateQuery::Order;
    for (const auto order : {best, worst, newest, oldest})
        for (const std::string task : {"", "cifar-10/a"}) {
            CandidateQuery query;
            query.order = order;
            query.task = task;
            query.origin = "wanted";
            query.limit = 2;
            std::vector<CandidateId> found;
            int pages = 0;
            do {
                const PageIds page = read_page(*sql, query, 3);
                found.insert(found.end(), page.ids.begin(), page.ids.end());
                query.after = page.next;
            } while (query.after && ++pages < 100);
            EXPECT_EQ(found.size(), wanted.size());
            EXPECT_EQ(std::set(found.begin(), found.end()), wanted);
        }
}

TEST(SqliteView, looks_at_a_bounded_part_for_a_page_that_a_filter_leaves_empty) {
    StudyFile study("{}");
    constexpr int stored = 50'000;
    fill_with_candidates(*study.connect(), sqlite_dialect(), stored);
    CandidateQuery query;
    query.order = CandidateQuery::Order::newest;
    query.origin = "nobody";
    const auto view = study.look();
    int pages = 0;
    for (std::optional<PagePosition> next; pages == 0 || next; ++pages) {
        query.after = next;
        const auto page = view->page(query);
        EXPECT_TRUE(page.candidates.empty());
        next = page.next;
        ASSERT_LT(pages, 10);
    }
    EXPECT_EQ(pages, 3) << "20,000 rows each";
}

}  // namespace
}  // namespace normact::results
