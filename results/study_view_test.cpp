#include "results/study_view.h"

#include "results/study_file.h"
#include "results/study_view_conformance.h"

#include <soci/sqlite3/soci-sqlite3.h>

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

TEST(SqliteView, of_a_file_that_is_no_study_says_so) {
    const TemporaryFolder folder;
    const auto path = folder.file("foreign.db");
    *connect_sqlite(path) << "CREATE TABLE theirs (a INTEGER)";
    EXPECT_THAT(error_of([&] { open_study_view(path); }), testing::HasSubstr("not a study"));
}

}  // namespace
}  // namespace normact::results
