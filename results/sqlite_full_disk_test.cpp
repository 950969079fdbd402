// Disks that are full: nothing that was recorded is lost, and the error says what it is.

#include "results/child_process.h"
#include "results/sql_store.h"
#include "results/sqlite.h"
#include "results/study_file.h"

#include <csignal>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <utility>

namespace normact::results {
namespace {

/// Works until the disk is full, then checks that all that was recorded is there. Throws what is wrong.
void fill_the_disk(Store& store, const std::function<std::unique_ptr<Store>()>& open) {
    std::uint64_t done = 0;
    const auto error = error_of([&] {
        for (; done < 100'000; ++done) do_work(store, done, 1);
    });
    if (error.find("full disk") == std::string::npos && error.find("disk is full") == std::string::npos)
        throw std::runtime_error("the error doesn't name a full disk: " + error);
    const auto scored_now = open()->funnel().scored;
    if (std::cmp_not_equal(scored_now, done))
        throw std::runtime_error(std::to_string(done) + " recorded, " + std::to_string(scored_now) + " there");
}

TEST(FullDisk, keeps_all_that_was_recorded_and_the_store_goes_on_once_there_is_room) {
    StudyFile study("{}");
    auto session = connect_sqlite(study.path());
    auto& sql = *session;
    int pages = 0;
    sql << "PRAGMA max_page_count = 60", soci::into(pages);  // SQLite's own full disk
    const auto store = make_sql_store(std::move(session), sqlite_dialect(), study.path());
    fill_the_disk(*store, [&] { return study.open(); });
    sql << "PRAGMA max_page_count = 100000", soci::into(pages);
    const auto before = store->funnel().scored;
    EXPECT_GT(before, 0);
    do_work(*store, 500'000, 5);
    EXPECT_EQ(store->funnel().scored, before + 5);
}

TEST(FullDisk, of_a_size_limit_gives_an_error_and_keeps_all_that_was_recorded) {
    StudyFile study("{}");
    EXPECT_EQ(wait_for(start_child([&] {
                  signal(SIGXFSZ, SIG_IGN);
                  const auto limit = [](rlim_t bytes) {
                      const rlimit limits{bytes, RLIM_INFINITY};
                      setrlimit(RLIMIT_FSIZE, &limits);
                  };
                  const auto store = study.open();
                  limit(300'000);
                  fill_the_disk(*store, [&] {
                      limit(RLIM_INFINITY);
                      return study.open();
                  });
              })),
              0);
    EXPECT_GT(study.open()->funnel().scored, 0);
}

TEST(FullDisk, really_full_gives_an_error_and_keeps_all_that_was_recorded) {
    constexpr int cannot_mount = 77;
    const TemporaryFolder folder;
    const int status = wait_for(start_child([&] {
        // A small disk of the child's own, gone with it.
        if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
            mount("tmpfs", folder.path().c_str(), "tmpfs", 0, "size=600k") != 0)
            _exit(cannot_mount);
        const auto path = folder.file("study");
        const auto store = create_study(path, "{}");
        fill_the_disk(*store, [&] { return open_study(path); });
        must_fail_with("full", [&] { create_study(folder.file("second"), "{}"); });
        if (study_exists(folder.file("second"))) throw std::runtime_error("half a study was left");
    }));
    if (status == cannot_mount) GTEST_SKIP() << "mounting a small disk needs root";
    EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace normact::results
