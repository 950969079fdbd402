#pragma once

// What the tests of studies in PostgreSQL share.

#include "results/postgresql.h"
#include "results/study.h"
#include "results/study_place.h"

#include <atomic>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <unistd.h>

namespace normact::results {

/// A server that with_postgresql.sh started.
inline std::string server_in(const char* variable) {
    const char* url = std::getenv(variable);
    return url != nullptr ? url : throw std::runtime_error("run this by results/with_postgresql.sh");
}
inline std::string server() { return server_in("NORMACT_TEST_POSTGRESQL"); }
inline std::string pooler() { return server_in("NORMACT_TEST_POOLER"); }

class StudyInPostgresql final : public StudyPlace {
  public:
    explicit StudyInPostgresql(const std::string& configuration, const std::string& database = server())
        : place_(database + "#" + new_name()) {
        create_study(place_, configuration);
    }
    ~StudyInPostgresql() override { delete_postgresql_study(place_); }
    StudyInPostgresql(const StudyInPostgresql&) = delete;
    StudyInPostgresql& operator=(const StudyInPostgresql&) = delete;

    std::unique_ptr<Store> open() override { return open_study(place_); }
    std::unique_ptr<TrialStore> open_trials() override { return results::open_trials(place_); }
    std::unique_ptr<StudyView> look() override { return open_study_view(place_); }
    std::unique_ptr<soci::session> connect() override {
        // Not through a pooler: what is set stays with the connection.
        const PostgresqlPlace place = parse_postgresql_place(server() + place_.substr(place_.find('#')));
        auto session = connect_postgresql(place);
        *session << "SET search_path TO \"" + place.schema + "\"";
        return session;
    }
    const std::string& place() const { return place_; }

  private:
    static std::string new_name() {
        static std::atomic<int> count = 0;
        return "test-" + std::to_string(getpid()) + "-" + std::to_string(++count);
    }
    std::string place_;
};

}  // namespace normact::results
