// Making and upgrading a study's file by processes that are killed.

#include "primitives/generator.h"
#include "results/child_process.h"
#include "results/schema.h"
#include "results/store_processes.h"
#include "results/study_file.h"

#include <chrono>
#include <thread>

namespace normact::results {
namespace {

INSTANTIATE_TEST_SUITE_P(Sqlite, StoreProcesses, testing::Values(sqlite_backend()), name_of_backend);

TEST(Processes, killed_while_making_a_study_leave_a_whole_one_or_none) {
    const TemporaryFolder folder;
    const auto start_making = [](const std::string& path) {
        return start_child([&] { create_study(path, "{\"seed\": 1}"); });
    };
    const auto start = std::chrono::steady_clock::now();
    ASSERT_EQ(wait_for(start_making(folder.file("first"))), 0);
    const std::chrono::microseconds whole =
        std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start);
    Generator moments(12);
    int made = 0;
    int killed = 0;
    for (int round = 0; round < 80; ++round) {
        const auto path = folder.file("study" + std::to_string(round));
        const auto child = start_making(path);
        std::this_thread::sleep_for(whole * uniform_below(moments, 300) / 100);
        kill(child, SIGKILL);
        if (wait_for(child) == -SIGKILL) ++killed;
        if (study_exists(path)) {
            ++made;
        } else {
            create_study(path, "{\"seed\": 1}");  // what the killed maker left is in nobody's way
        }
        EXPECT_EQ(open_study(path)->configuration(), "{\"seed\": 1}");
        audit(*open_study(path), *connect_sqlite(path));
    }
    EXPECT_GT(made, 0);
    EXPECT_GT(killed, 0);
}

TEST(Processes, killed_while_upgrading_an_old_study_leave_one_that_can_be_upgraded) {
    Generator moments(13);
    for (int round = 0; round < 20; ++round) {
        StudyFile study("{}");
        downgrade_to_format_1(*connect_sqlite(study.path()));
        const auto child = start_child([&] { study.open(); });
        std::this_thread::sleep_for(std::chrono::microseconds(uniform_below(moments, 5'000)));
        kill(child, SIGKILL);
        wait_for(child);
        EXPECT_TRUE(study.open()->best(1).empty());
        EXPECT_EQ(stored_schema_version(*connect_sqlite(study.path())), schema_version());
    }
}

}  // namespace
}  // namespace normact::results
