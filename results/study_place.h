#pragma once

// What tests of stores share: a study of a test's own, and what to put into it.

#include "primitives/text.h"
#include "results/store.h"
#include "results/study_view.h"
#include "results/trials.h"

#include <soci/soci.h>

#include <chrono>
#include <functional>
#include <memory>
#include <ostream>
#include <string>

namespace normact::results {

/// A fresh study of a test's own; it goes away with this object.
class StudyPlace {
  public:
    virtual ~StudyPlace() = default;
    /// Another connection to the study.
    virtual std::unique_ptr<Store> open() = 0;
    /// One to its trials.
    virtual std::unique_ptr<TrialStore> open_trials() = 0;
    /// One that only looks.
    virtual std::unique_ptr<StudyView> look() = 0;
    /// One to its tables.
    virtual std::unique_ptr<soci::session> connect() = 0;
};

struct Backend {
    std::string name;
    std::function<std::unique_ptr<StudyPlace>(const std::string& configuration)> make;
};
inline void PrintTo(const Backend& backend, std::ostream* out) { *out << backend.name; }
inline constexpr auto name_of_backend = [](const auto& instance) { return instance.param.name; };

/// Longer than any test.
inline constexpr std::chrono::seconds long_lease{3600};

/// A valid proposal whose function has this number.
inline Proposal proposal(std::uint64_t function) {
    Proposal proposal;
    proposal.graph = primitives::parse_text("max(x, zero) * v1 + v0");
    proposal.hash = {7, function};
    proposal.fingerprint = {1, function};
    proposal.origin = "random";
    return proposal;
}

inline proxy_tasks::Outcome scored(double first, double second) {
    return {.rejection = proxy_tasks::Rejection::none,
            .reason = "",
            .scores = {{"cifar-10/b", 0, first, 1.5}, {"cifar-10/a", 0, second, 2.5}},
            .seconds = 4.5};
}

inline proxy_tasks::Outcome rejected(proxy_tasks::Rejection rejection) {
    return {.rejection = rejection, .reason = "a: accuracy 0.11 after 100 steps", .scores = {}, .seconds = 0.5};
}

/// Rejected, and scored all the same.
inline proxy_tasks::Outcome audited(proxy_tasks::Rejection rejection, double first, double second) {
    auto outcome = rejected(rejection);
    outcome.scores = scored(first, second).scores;
    return outcome;
}

/// Makes the tables of a new study those of format 1.
inline void downgrade_to_format_1(soci::session& sql) {
    for (const char* index : {"evaluation_mean_accuracy", "worker_running", "evaluation_finished", "evaluation_worker",
                              "evaluation_quarantined", "evaluation_audit", "score_accuracy"})
        sql << "DROP INDEX " + std::string(index);
    for (const char* column : {"mean_accuracy", "audit_accuracy", "stage", "step", "steps", "finished"})
        sql << "ALTER TABLE evaluation DROP COLUMN " + std::string(column);
    for (const char* column : {"seen", "ended", "evaluated", "refused"})
        sql << "ALTER TABLE worker DROP COLUMN " + std::string(column);
    sql << "ALTER TABLE evaluation ADD COLUMN candidates BIGINT NOT NULL DEFAULT 1";
    sql << "CREATE TABLE funnel (proposed BIGINT NOT NULL, invalid BIGINT NOT NULL, duplicate BIGINT NOT NULL,"
           " quality BIGINT NOT NULL, stability BIGINT NOT NULL, scored BIGINT NOT NULL, quarantined BIGINT NOT NULL,"
           " open BIGINT NOT NULL, last_position BIGINT NOT NULL)";
    sql << "INSERT INTO funnel SELECT SUM(proposed), SUM(invalid), SUM(duplicate), SUM(quality), SUM(stability),"
           " SUM(scored), SUM(quarantined), SUM(open), (SELECT last FROM positions) FROM counts";
    sql << "DROP TABLE counts";
    sql << "DROP TABLE positions";
    sql << "ALTER TABLE failure DROP COLUMN log";
    sql << "DROP TABLE worker_log";
    sql << "DROP TABLE trial";
    sql << "UPDATE schema_version SET version = 1";
}

}  // namespace normact::results
