#include "results/study_copy.h"

#include "results/study_copies.h"
#include "results/study_file.h"

#include <set>

namespace normact::results {
namespace {

TEST(StudyCopy, from_a_file_to_a_file_holds_the_same) {
    StudyFile study("{\"seed\": 5}");
    do_everything(*study.open());
    do_trials(*study.open_trials());
    const TemporaryFolder folder;
    const std::string copy = folder.file("copy.study.db");
    copy_study(study.path(), copy);
    expect_same_trials(*study.open_trials(), *open_trials(copy));
    expect_copy(*study.open(), *open_study(copy));
}

TEST(StudyCopy, pages_through_tables_of_any_length) {
    StudyFile study("{}");
    const auto store = study.open();
    const auto worker = store->add_worker({});
    for (std::uint64_t function = 0; function < 5003; ++function) {
        auto layer = proposal(function);
        layer.invalid = function % 2 == 0 ? "not finite" : "";
        store->propose(worker, layer, long_lease);
    }
    const TemporaryFolder folder;
    const std::string copy = folder.file("copy.study.db");
    std::int64_t told = 0;
    copy_study(study.path(), copy, [&](std::int64_t rows) { told = rows; });
    EXPECT_GT(told, 5000);
    EXPECT_EQ(open_study(copy)->funnel().proposed, 5003);
    EXPECT_EQ(open_study(copy)->find(5003)->fingerprint, proposal(5002).fingerprint);
}

TEST(StudyCopy, replaces_nothing_and_leaves_nothing_behind_when_it_fails) {
    StudyFile study("{}"), other("{\"other\": 1}");
    EXPECT_THROW(copy_study(study.path(), other.path()), StoreError);
    EXPECT_EQ(other.open()->configuration(), "{\"other\": 1}");
    const TemporaryFolder folder;
    EXPECT_THROW(copy_study(folder.file("none.study.db"), folder.file("copy.study.db")), StoreError);
    *connect_sqlite(study.path()) << "DROP TABLE failure";
    EXPECT_THROW(copy_study(study.path(), folder.file("copy.study.db")), StoreError);
    EXPECT_FALSE(study_exists(folder.file("copy.study.db")));
}

/// Every value of every table, as SQLite writes it.
std::multiset<std::string> dump(const std::string& path) {
    const auto sql = connect_sqlite(path);
    std::multiset<std::string> rows;
    std::vector<std::string> tables;
    std::string found;
    soci::statement all_tables =
        (sql->prepare << "SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'schema_version'",
         soci::into(found));
    all_tables.execute();
    while (all_tables.fetch()) tables.push_back(found);
    for (const std::string& table : tables) {
        std::string columns, name, row;
        soci::statement names =
            (sql->prepare << "SELECT name FROM pragma_table_info('" + table + "')", soci::into(name));
        names.execute();
        while (names.fetch()) columns += (columns.empty() ? "quote(" : " || ',' || quote(") + name + ")";
        soci::statement all = (sql->prepare << "SELECT " + columns + " FROM " + table, soci::into(row));
        all.execute();
        while (all.fetch()) rows.insert(table + ": " + row);
    }
    return rows;
}

TEST(StudyCopy, forgets_no_column) {
    StudyFile study("{}");
    do_everything(*study.open());
    do_trials(*study.open_trials());
    {  // no column may keep the value that it begins with
        const auto sql = study.connect();
        *sql << "UPDATE worker SET ended = 5, evaluated = 6, refused = 'r', seen = 7";
        *sql << "UPDATE evaluation SET finished = 8, stage = 's', step = 9, steps = 10, mean_accuracy = 0.125";
        *sql << "UPDATE positions SET last = 11";
    }
    const TemporaryFolder folder;
    const std::string copy = folder.file("copy.study.db");
    copy_study(study.path(), copy);
    EXPECT_EQ(dump(copy), dump(study.path()));
    EXPECT_GE(dump(copy).size(), 20u);
}

}  // namespace
}  // namespace normact::results
