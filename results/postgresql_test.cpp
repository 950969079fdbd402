// Run beside a server of its own: with_postgresql.sh.

#include "results/postgresql.h"

#include "results/history_conformance.h"
#include "results/leases_conformance.h"
#include "results/patient_store.h"
#include "results/schema.h"
#include "results/sql_store.h"
#include "results/store_processes.h"
#include "results/study.h"
#include "results/study_copies.h"
#include "results/study_in_postgresql.h"
#include "results/study_view_conformance.h"
#include "results/trials_conformance.h"
#include "results/workers_conformance.h"

#include <cstdlib>
#include <sstream>

namespace normact::results {
namespace {

using testing::HasSubstr;
using testing::Not;

Backend postgresql_backend() {
    return {"Postgresql", [](const std::string& configuration) {
                return std::make_unique<StudyInPostgresql>(configuration, server());
            }};
}

/// Through a pooler that gives each transaction another connection.
Backend pooled_backend() {
    return {"Pooled", [](const std::string& configuration) {
                return std::make_unique<StudyInPostgresql>(configuration, pooler());
            }};
}

INSTANTIATE_TEST_SUITE_P(Postgresql, StoreConformance, testing::Values(postgresql_backend(), pooled_backend()),
                         name_of_backend);
INSTANTIATE_TEST_SUITE_P(Postgresql, HistoryConformance, testing::Values(postgresql_backend(), pooled_backend()),
                         name_of_backend);
INSTANTIATE_TEST_SUITE_P(Postgresql, LeasesConformance, testing::Values(postgresql_backend(), pooled_backend()),
                         name_of_backend);
INSTANTIATE_TEST_SUITE_P(Postgresql, WorkersConformance, testing::Values(postgresql_backend(), pooled_backend()),
                         name_of_backend);
INSTANTIATE_TEST_SUITE_P(Postgresql, TrialConformance, testing::Values(postgresql_backend(), pooled_backend()),
                         name_of_backend);
INSTANTIATE_TEST_SUITE_P(Postgresql, StudyViewConformance, testing::Values(postgresql_backend(), pooled_backend()),
                         name_of_backend);
INSTANTIATE_TEST_SUITE_P(Postgresql, StoreProcesses, testing::Values(postgresql_backend(), pooled_backend()),
                         name_of_backend);

std::string error_of(const std::function<void()>& call) {
    try {
        call();
    } catch (const StoreError& error) {
        return error.what();
    }
    return "nothing was wrong";
}

TEST(PostgresqlPlace, names_the_database_and_the_study) {
    const PostgresqlPlace place = parse_postgresql_place("postgresql://me@db.example:5433/lab?sslmode=require#b-2");
    EXPECT_EQ(place.text(), "postgresql://me@db.example:5433/lab#b-2");
    EXPECT_EQ(place.schema, "normact_b-2");
    EXPECT_THAT(place.connection, HasSubstr("sslmode='require'"));
    EXPECT_EQ(parse_postgresql_place("service=cluster").text(), "service=cluster#study");
}

TEST(PostgresqlPlace, with_a_password_is_refused_and_not_repeated) {
    for (const char* text : {"postgresql://me:geheim@db/lab", "postgresql://me@db/lab?password=geheim#s"}) {
        const std::string error = error_of([&] { parse_postgresql_place(text); });
        EXPECT_THAT(error, HasSubstr("PGPASSFILE"));
        EXPECT_THAT(error, Not(HasSubstr("geheim")));
    }
    EXPECT_THAT(error_of([] { parse_postgresql_place("postgresql://me:geheim@db:port:5/%zz"); }),
                Not(HasSubstr("geheim")));
}

TEST(PostgresqlPlace, needs_a_plain_name_for_the_study) {
    for (const char* name : {"", "Upper", "a b", "a\"; DROP SCHEMA public; --", "ü"})
        EXPECT_THAT(error_of([&] { parse_postgresql_place("postgresql://db/lab#" + std::string(name)); }),
                    HasSubstr("the study's name"))
            << name;
    EXPECT_THAT(error_of([] { parse_postgresql_place("postgresql://db/lab#" + std::string(41, 'a')); }),
                HasSubstr("1 to 40"));
}

TEST(PostgresqlStudies, exist_once_and_are_listed_and_deleted) {
    const std::string place = server() + "#one";
    EXPECT_FALSE(study_exists(place));
    EXPECT_THAT(error_of([&] { open_study(place); }), HasSubstr("there is no study of this name"));
    create_study(place, "{}");
    EXPECT_TRUE(study_exists(place));
    EXPECT_THAT(error_of([&] { create_study(place, "{}"); }), HasSubstr("there already"));
    EXPECT_THAT(postgresql_studies(server()), testing::Contains(testing::EndsWith("#one")));
    delete_postgresql_study(place);
    EXPECT_FALSE(study_exists(place));
    EXPECT_THAT(error_of([&] { delete_postgresql_study(place); }), HasSubstr("there is no study of this name"));
}

TEST(PostgresqlStudies, made_by_two_at_once_are_made_once) {
    for (int round = 0; round < 10; ++round) {
        const std::string place = server() + "#race-" + std::to_string(round);
        std::vector<pid_t> makers;
        makers.reserve(4);
        for (int i = 0; i < 4; ++i)
            makers.push_back(start_child([&] { create_study(place, "{\"maker\": " + std::to_string(i) + "}"); }));
        int made = 0;
        for (const pid_t maker : makers) made += wait_for(maker) == 0 ? 1 : 0;
        EXPECT_EQ(made, 1);
        EXPECT_THAT(open_study(place)->configuration(), HasSubstr("maker"));
        delete_postgresql_study(place);
    }
}

TEST(PostgresqlStudies, of_another_release_are_refused) {
    StudyInPostgresql study("{}");
    *study.connect() << "UPDATE schema_version SET version = " + std::to_string(schema_version() + 1);
    EXPECT_THAT(error_of([&] { study.open(); }), HasSubstr("of a newer normact"));
    *study.connect() << "UPDATE schema_version SET version = 0";
    EXPECT_THAT(error_of([&] { study.open(); }), HasSubstr("damaged"));
}

TEST(PostgresqlStudies, of_an_older_release_are_refused_until_they_are_upgraded_once_by_many) {
    StudyInPostgresql study("{}");
    do_everything(*study.open());
    const Funnel before = study.open()->funnel();
    downgrade_to_format_1(*study.connect());
    EXPECT_THAT(error_of([&] { study.open(); }), HasSubstr("normact study upgrade"));
    std::vector<pid_t> upgraders;
    upgraders.reserve(4);
    for (int i = 0; i < 4; ++i) upgraders.push_back(start_child([&] { upgrade_postgresql_study(study.place()); }));
    for (const pid_t upgrader : upgraders) EXPECT_EQ(wait_for(upgrader), 0);
    EXPECT_EQ(stored_schema_version(*study.connect()), schema_version());
    const auto store = study.open();
    EXPECT_EQ(store->funnel().proposed, before.proposed);
    EXPECT_EQ(store->funnel().scored, before.scored);
    EXPECT_EQ(store->funnel().last_position, before.last_position);
    EXPECT_EQ(store->best(1).at(0).outcome.scores.at(0).accuracy, 1.0 / 3);
    EXPECT_EQ(store->quarantined(1).size(), 1u);
    const auto worker = store->add_worker({"later", 1, "cpu", "cpu", "0"});
    EXPECT_TRUE(store->finish(worker, proposal(5).fingerprint, scored(0.5, 0.5)));
}

TEST(PostgresqlStudies, are_copied_to_files_and_back) {
    StudyInPostgresql study("{\"seed\": 5}");
    do_everything(*study.open());
    do_trials(*study.open_trials());
    const TemporaryFolder folder;
    const std::string file = folder.file("copy.study.db"), back = server() + "#back";
    copy_study(study.place(), file);
    copy_study(file, back);
    expect_same_trials(*study.open_trials(), *open_trials(file));
    expect_same_trials(*study.open_trials(), *open_trials(back));
    expect_copy(*study.open(), *open_study(file));
    expect_copy(*study.open(), *open_study(back));
    EXPECT_THROW(copy_study(file, back), StoreError);
    delete_postgresql_study(back);
}

TEST(PostgresqlStudies, wait_for_the_disk_with_all_that_others_depend_on_and_with_nothing_else) {
    StudyInPostgresql study("{}");
    const PostgresqlPlace place = parse_postgresql_place(study.place());
    auto session = connect_postgresql(place);
    std::ostringstream log;
    session->set_log_stream(&log);
    const auto store = make_sql_store(std::move(session), postgresql_dialect(place), place.text());
    const auto waits = [&](const auto& call) {
        log.str("");
        call();
        return log.str().find("synchronous_commit") == std::string::npos;
    };
    WorkerId worker = 0;
    EXPECT_TRUE(waits([&] { worker = store->add_worker({"host", 1, "cpu", "cpu", "0"}); }));
    EXPECT_TRUE(waits([&] { store->propose(worker, proposal(1), std::chrono::seconds(0)); }));
    EXPECT_FALSE(waits([&] { store->propose(worker, proposal(1), long_lease); })) << "a duplicate of an open one";
    EXPECT_TRUE(waits([&] { store->reclaim(worker, long_lease, 3); }));
    EXPECT_FALSE(waits([&] { store->reclaim(worker, long_lease, 3); })) << "there is nothing to claim";
    EXPECT_FALSE(waits([&] { store->renew(worker, proposal(1).fingerprint, long_lease); }));
    EXPECT_TRUE(waits([&] { store->finish(worker, proposal(1).fingerprint, scored(0.5, 0.5)); }));
    EXPECT_TRUE(waits([&] { store->propose(worker, proposal(1), long_lease); })) << "others breed from it at once";
    auto invalid = proposal(2);
    invalid.invalid = "not finite";
    EXPECT_FALSE(waits([&] { store->propose(worker, invalid, long_lease); }));
}

TEST(PostgresqlStudies, that_took_the_place_of_another_one_are_refused_by_who_worked_for_that) {
    StudyInPostgresql study("{}");
    const auto store = make_patient_store([&] { return study.open(); }, {}, nullptr);
    EXPECT_EQ(store->funnel().proposed, 0);
    delete_study(study.place());
    create_study(study.place(), "{}");
    *study.connect() << "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
                        " AND datname = current_database()";
    EXPECT_THAT(error_of([&] { store->funnel(); }), HasSubstr("another one was made under its name"));
}

TEST(PostgresqlErrors, of_a_server_that_is_away_are_passing) {
    EXPECT_THROW(open_study("postgresql://127.0.0.1:1/nowhere"), StoreUnavailable);
    StudyInPostgresql study("{}");
    const auto store = study.open();
    *study.connect() << "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
                        " AND datname = current_database()";
    EXPECT_THROW(store->funnel(), StoreUnavailable);
    EXPECT_THROW(store->funnel(), StoreUnavailable) << "and stay so: the connection is gone";
    EXPECT_EQ(study.open()->funnel().proposed, 0);
}

TEST(PostgresqlErrors, of_what_is_set_wrongly_here_do_not_pass) {
    const std::string file = std::getenv("PGPASSFILE");
    setenv("PGPASSFILE", "/dev/null", 1);
    const std::string without_password = error_of([] { open_study(server()); });
    setenv("PGPASSFILE", file.c_str(), 1);
    EXPECT_THAT(without_password, HasSubstr("Passwords are read from PGPASSFILE"));
    try {
        open_study("service=nowhere");
        FAIL() << "opened";
    } catch (const StoreUnavailable& error) {
        FAIL() << "a worker would wait for ever: " << error.what();
    } catch (const StoreError& error) {
        EXPECT_THAT(error.what(), HasSubstr("nowhere"));
    }
}

TEST(PostgresqlErrors, of_a_wrong_user_or_database_say_what_to_do) {
    const std::string url = server();
    const auto at = url.find('@');
    EXPECT_THAT(error_of([&] { open_study("postgresql://nobody" + url.substr(at)); }), HasSubstr("PGPASSFILE"));
    EXPECT_THAT(error_of([&] { open_study(url.substr(0, url.rfind('/')) + "/nowhere"); }), HasSubstr("createdb"));
}

}  // namespace
}  // namespace normact::results
