// Files that are not what they should be, folders that are read-only, drives that know no links.

#include "primitives/generator.h"
#include "results/child_process.h"
#include "results/sqlite.h"
#include "results/study_copies.h"
#include "results/study_file.h"

#include <gmock/gmock.h>

#include <cerrno>
#include <cstddef>
#include <fstream>
#include <iterator>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <thread>

namespace normact::results {
namespace {
namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

std::string content(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

void write(const std::string& path, const std::string& content) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
}

/// Reads all that a study holds.
void read_all(Store& store) {
    std::int64_t position = 0;
    store.configuration();
    store.funnel();
    store.best(1000);
    store.scored_since(0, 1000, position);
    for (CandidateId id = 1; id <= 50; ++id) {
        const auto candidate = store.find(id);
        if (candidate) store.evaluated_by(candidate->fingerprint);
    }
}

TEST(StudyFiles, that_are_not_there_are_no_studies) {
    const TemporaryFolder folder;
    EXPECT_FALSE(study_exists(folder.file("none")));
    EXPECT_THAT(error_of([&] { open_study(folder.file("none")); }),
                AllOf(HasSubstr(folder.file("none")), HasSubstr("normact search")));
    EXPECT_FALSE(fs::exists(folder.file("none"))) << "looking for a study makes none";
}

TEST(StudyFiles, of_other_kinds_are_refused_and_left_as_they_are) {
    const TemporaryFolder folder;
    write(folder.file("text"), "Not a database, but long enough to be one: " + std::string(2000, 'x'));
    write(folder.file("short"), "x");
    write(folder.file("empty"), "");
    *connect_sqlite(folder.file("foreign")) << "CREATE TABLE study (configuration TEXT)";
    fs::create_directory(folder.file("folder"));
    for (const char* name : {"text", "short", "empty", "foreign"}) {
        const auto path = folder.file(name);
        const auto before = content(path);
        EXPECT_THAT(error_of([&] { open_study(path); }), AllOf(HasSubstr(path), HasSubstr("left as it"))) << name;
        EXPECT_THAT(error_of([&] { create_study(path, "{}"); }), AllOf(HasSubstr(path), HasSubstr("left as it")))
            << name;
        EXPECT_EQ(content(path), before) << name;
        EXPECT_TRUE(study_exists(path));
    }
    EXPECT_THAT(error_of([&] { open_study(folder.file("folder")); }), HasSubstr("not a file"));
    EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 5) << "nothing was left beside them";
}

TEST(StudyFiles, may_have_odd_names) {
    const TemporaryFolder folder;
    for (const char* name :
         {"with space", " two  spaces ", "equals=sign", "dbname=x timeout=0", "ünïcode", "per%cent"}) {
        create_study(folder.file(name), "{}");
        EXPECT_TRUE(fs::is_regular_file(folder.file(name))) << name;
        EXPECT_EQ(open_study(folder.file(name))->configuration(), "{}") << name;
    }
    EXPECT_THAT(error_of([&] { create_study(folder.file("quo\"te"), "{}"); }), HasSubstr("quotation mark"));
    EXPECT_THAT(error_of([&] { create_study(folder.file("no/such/folder"), "{}"); }), HasSubstr("folder"));
    EXPECT_THAT(error_of([&] { create_study(folder.file(std::string(250, 'n')), "{}"); }), HasSubstr("250 bytes"));
    const auto deep = folder.file(std::string(200, 'a')) + "/" + std::string(200, 'b') + "/" + std::string(100, 'c');
    EXPECT_THAT(error_of([&] { create_study(deep, "{}"); }), HasSubstr("whole path"));
    fs::create_directory(folder.file("quo\" te"));
    EXPECT_THAT(error_of([&] { create_study(folder.file("quo\" te/study"), "{}"); }), HasSubstr("quotation mark"));
}

TEST(StudyFiles, are_not_made_beside_what_is_left_of_another_one) {
    for (const std::string ending : {"-wal", "-shm", "-journal"}) {
        const TemporaryFolder folder;
        const auto leftover = folder.file("study" + ending);
        write(leftover, "somebody's newest scores");
        EXPECT_THAT(error_of([&] { create_study(folder.file("study"), "{}"); }),
                    AllOf(HasSubstr(leftover), HasSubstr("newest scores"), HasSubstr("another path")));
        EXPECT_EQ(content(leftover), "somebody's newest scores");
        EXPECT_FALSE(study_exists(folder.file("study")));
    }
    const TemporaryFolder folder;
    const auto wal = folder.file("study-wal"), shm = folder.file("study-shm");
    write(wal, "a");
    write(shm, "b");
    EXPECT_THAT(error_of([&] { create_study(folder.file("study"), "{}"); }),
                HasSubstr("remove " + wal + " and " + shm));
}

TEST(StudyFiles, that_go_away_while_in_use_take_nothing_more) {
    StudyFile study("{}");
    const auto moved = study.path() + ".moved";
    const auto store = study.open();
    do_work(*store, 0, 2);
    fs::rename(study.path(), moved);
    EXPECT_THAT(error_of([&] { do_work(*store, 2, 1); }), AllOf(HasSubstr(study.path()), HasSubstr("moved, removed")));
    write(study.path(), "another file");
    EXPECT_THAT(error_of([&] { do_work(*store, 2, 1); }), HasSubstr("replaced"));
    fs::rename(moved, study.path());
    do_work(*store, 2, 1);
    EXPECT_EQ(study.open()->funnel().scored, 3);
}

TEST(StudyFiles, that_are_links_to_nothing_say_so) {
    const TemporaryFolder folder;
    fs::create_symlink("nothing", folder.file("dangling"));
    fs::create_symlink("loop", folder.file("loop"));
    EXPECT_THAT(error_of([&] { open_study(folder.file("dangling")); }), HasSubstr("link to a file that is not there"));
    EXPECT_THAT(error_of([&] { open_study(folder.file("loop")); }), HasSubstr("symbolic links"));
    create_study(folder.file("real"), "{}");
    fs::create_symlink("real", folder.file("link"));
    do_work(*open_study(folder.file("link")), 0, 2);
    EXPECT_EQ(open_study(folder.file("real"))->funnel().scored, 2);
}

TEST(StudyFiles, are_made_once_however_many_try) {
    const TemporaryFolder folder;
    const auto path = folder.file("study");
    std::vector<std::string> errors(8);
    {
        std::vector<std::jthread> makers;
        makers.reserve(errors.size());
        for (std::size_t i = 0; i < errors.size(); ++i)
            makers.emplace_back([&, i] { errors[i] = error_of([&] { create_study(path, std::to_string(i)); }); });
    }
    const auto made = std::ranges::find(errors, "nothing was wrong");
    ASSERT_NE(made, errors.end());
    EXPECT_EQ(std::ranges::count(errors, "nothing was wrong"), 1);
    EXPECT_EQ(open_study(path)->configuration(), std::to_string(made - errors.begin()));
    EXPECT_EQ(std::ranges::count_if(errors, [](const auto& e) { return e.find("there already") != e.npos; }), 7);
}

TEST(StudyFiles, are_made_where_a_killed_maker_left_its_draft_which_goes_away) {
    const TemporaryFolder folder;
    const auto is_old = [&](const std::string& name) {
        write(folder.file(name), "draft");
        fs::last_write_time(folder.file(name), fs::file_time_type::clock::now() - std::chrono::hours(2));
        return folder.file(name);
    };
    const auto draft = is_old("study.new-17"), journal = is_old("study.new-17-journal");
    const auto others = is_old("other.new-17"), users = is_old("study.new-idea"), named = is_old("study.new-17.db");
    write(folder.file("study.new-18"), "the draft of one who is at work");
    create_study(folder.file("study"), "{}");
    EXPECT_FALSE(fs::exists(draft) || fs::exists(journal));
    for (const auto& file : {others, users, named, folder.file("study.new-18")}) EXPECT_TRUE(fs::exists(file)) << file;
}

/// From now on, these system calls fail in this process as they do on a drive that has nothing of the kind. False if
/// the system does not allow that.
bool take_away(const std::vector<int>& calls) {
    std::vector<sock_filter> program{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
    for (const int call : calls) {
        program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(call), 0, 1));
        program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM));
    }
    program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

#ifdef SYS_link
const std::vector<int> links{SYS_link, SYS_linkat};
#else
const std::vector<int> links{SYS_linkat};
#endif

constexpr int not_allowed = 77;

TEST(StudyFiles, are_made_once_where_a_drive_knows_no_links) {
    const TemporaryFolder folder;
    const auto path = folder.file("study");
    const int status = wait_for(start_child([&] {
        if (!take_away(links)) _exit(not_allowed);
        create_study(path, "{}");
        if (error_of([&] { create_study(path, "{}"); }).find("there already") == std::string::npos)
            throw std::runtime_error("it was made twice");
    }));
    if (status == not_allowed) GTEST_SKIP() << "the system has no filters for system calls";
    EXPECT_EQ(status, 0);
    EXPECT_EQ(open_study(path)->configuration(), "{}");
    EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 1);
}

TEST(StudyFiles, are_refused_with_advice_where_a_drive_can_not_name_them_at_once) {
    const TemporaryFolder folder;
    const auto path = folder.file("study");
    const int status = wait_for(start_child([&] {
        auto calls = links;
        calls.push_back(SYS_renameat2);
        if (!take_away(calls)) _exit(not_allowed);
        if (error_of([&] { create_study(path, "{}"); }).find("another one") == std::string::npos)
            throw std::runtime_error("no advice");
    }));
    if (status == not_allowed) GTEST_SKIP() << "the system has no filters for system calls";
    EXPECT_EQ(status, 0);
    EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 0);
}

TEST(StudyFiles, that_are_damaged_give_errors_but_never_crash) {
    StudyFile study("{\"seed\": 1}");
    do_work(*study.open(), 0, 40);
    const auto whole = content(study.path());
    Generator generator(7);
    int noticed = 0;
    for (int round = 0; round < 300; ++round) {
        auto damaged = whole;
        if (round % 4 == 0)
            damaged.resize(uniform_below(generator, whole.size()));
        else
            for (int i = 0; i < 1 + round % 20; ++i)
                damaged[uniform_below(generator, damaged.size())] = static_cast<char>(generator());
        write(study.path(), damaged);
        const auto error = error_of([&] {  // any other exception fails the test
            const auto store = open_study(study.path());
            read_all(*store);
            do_work(*store, 1000, 2);
        });
        if (error != "nothing was wrong") ++noticed;
        for (const char* ending : {"-wal", "-shm"}) fs::remove(study.path() + ending);
    }
    EXPECT_GT(noticed, 100) << "bytes that no row uses may go unnoticed, most may not";
}

TEST(StudyFiles, with_damaged_rows_give_errors_that_name_the_row) {
    const auto error_after = [](const std::string& damage) {
        StudyFile study("{}");
        do_work(*study.open(), 0, 3);
        *connect_sqlite(study.path()) << damage;
        return error_of([&] { read_all(*study.open()); });
    };
    EXPECT_THAT(error_after("UPDATE candidate SET graph = substr(graph, 1, 60) WHERE id = 2"),
                HasSubstr("candidate 2"));
    EXPECT_THAT(error_after("UPDATE candidate SET graph = '{}' WHERE id = 2"), HasSubstr("candidate 2"));
    EXPECT_THAT(error_after("UPDATE candidate SET hash = 'xyz' WHERE id = 3"),
                AllOf(HasSubstr("candidate 3"), HasSubstr("xyz")));
    EXPECT_THAT(error_after("UPDATE evaluation SET state = 'happy' WHERE candidate = 1"),
                AllOf(HasSubstr("candidate 1"), HasSubstr("happy")));
    EXPECT_THAT(error_after("UPDATE evaluation SET rejection = x'00ff' WHERE candidate = 1"), HasSubstr("candidate 1"));
    EXPECT_THAT(error_after("UPDATE evaluation SET rejection = 'quality' WHERE candidate = 2"),
                AllOf(HasSubstr("candidate 2"), HasSubstr("quality")));
    EXPECT_THAT(error_after("DELETE FROM counts"), HasSubstr("counts are missing"));
    EXPECT_THAT(error_after("DELETE FROM schema_version"), HasSubstr("format is unknown"));
    EXPECT_THAT(error_after("UPDATE schema_version SET version = -1"), HasSubstr("format is unknown"));
    EXPECT_THAT(error_after("DELETE FROM study"), HasSubstr("configuration is missing"));
}

TEST(StudyFiles, with_damaged_trials_give_errors_that_name_the_row) {
    const auto error_after = [](const std::string& damage) {
        StudyFile study("{}");
        const auto worker = study.open()->add_worker({"host", 1, "cpu", "aten", "0"});
        const auto trials = study.open_trials();
        trials->claim(worker, std::vector{trial(1)}, long_lease, 3);
        trials->finish(worker, trial(1).name, 0.5, 2);
        *connect_sqlite(study.path()) << "UPDATE trial SET " + damage;
        return error_of([&] { study.open_trials()->trials(); });
    };
    EXPECT_EQ(error_after("layer = substr(layer, 1, 32) || '/1/0.5'"), "nothing was wrong");
    for (const std::string epsilon : {"nan", "inf", "-inf", "0", "-1"})
        EXPECT_THAT(error_after("layer = substr(layer, 1, 32) || '/1/" + epsilon + "'"),
                    AllOf(HasSubstr("trial 1 is damaged"), HasSubstr("/1/" + epsilon)));
    for (const char* damage : {"value = 9e999", "value = -9e999", "seconds = 9e999"})
        EXPECT_THAT(error_after(damage), AllOf(HasSubstr("trial 1 is damaged"), HasSubstr("inf"))) << damage;
    EXPECT_THAT(error_after("value = NULL"), HasSubstr("no value"));
    EXPECT_EQ(error_after("state = 'open', value = NULL"), "nothing was wrong");
}

TEST(StudyFiles, with_damaged_audits_give_errors_that_name_the_row) {
    const auto error_after = [](const std::string& damage) {
        StudyFile study("{}");
        const auto store = study.open();
        const auto worker = store->add_worker({"host", 1, "cpu", "aten", "0"});
        store->propose(worker, proposal(1), long_lease);
        store->finish(worker, proposal(1).fingerprint, audited(proxy_tasks::Rejection::quality, 0.5, 0.25));
        *connect_sqlite(study.path()) << "UPDATE evaluation SET " + damage;
        return error_of([&] { store->audits(); });
    };
    EXPECT_EQ(error_after("rejection = 'stability'"), "nothing was wrong");
    for (const std::string rejection : {"none", "invalid", "happy"})
        EXPECT_THAT(error_after("rejection = '" + rejection + "'"),
                    AllOf(HasSubstr("candidate 1 is damaged"), HasSubstr(rejection)));
    EXPECT_THAT(error_after("audit_accuracy = 9e999"),
                AllOf(HasSubstr("candidate 1 is damaged"), HasSubstr("not finite")));
}

/// Runs `body` as a user whom permissions bind, also where the tests run as root.
int run_unprivileged(const std::function<void()>& body) {
    return wait_for(start_child([&] {
        if (getuid() == 0 && setuid(65534) != 0) throw std::runtime_error("can't change the user");
        body();
    }));
}

TEST(StudyFiles, that_are_read_only_can_be_read_but_not_written) {
    StudyFile study("{}");
    do_work(*study.open(), 0, 3);
    const auto before = content(study.path());
    fs::permissions(study.path(), fs::perms(0444));
    fs::permissions(fs::path(study.path()).parent_path(), fs::perms(0777));  // SQLite's two files beside it
    EXPECT_EQ(run_unprivileged([&] {
                  const auto store = open_study(study.path());
                  if (store->funnel().scored != 3) throw std::runtime_error("not all was read");
                  must_fail_with("read-only", [&] { do_work(*store, 10, 1); });
              }),
              0);
    EXPECT_EQ(content(study.path()), before);
}

TEST(StudyFiles, in_a_read_only_folder_are_refused_with_the_reason) {
    StudyFile study("{}");
    do_work(*study.open(), 0, 3);
    const auto before = content(study.path());
    const auto folder = fs::path(study.path()).parent_path();
    fs::permissions(study.path(), fs::perms(0444));
    fs::permissions(folder, fs::perms(0555));
    EXPECT_EQ(run_unprivileged([&] {
                  must_fail_with("writable", [&] { read_all(*open_study(study.path())); });
                  must_fail_with("folder", [&] { create_study((folder / "new").string(), "{}"); });
              }),
              0);
    fs::permissions(folder, fs::perms(0755));
    EXPECT_EQ(content(study.path()), before);
    EXPECT_EQ(std::distance(fs::directory_iterator(folder), {}), 1);
}

}  // namespace
}  // namespace normact::results
