#include "results/schema.h"

#include <array>
#include <string_view>

namespace normact::results {
namespace {

// Each step makes the next format out of the one before. A step is never changed once a release has made studies with
// it: what comes later is another step. IDENTITY stands for the dialect's word; a semicolon ends a statement.
constexpr auto steps = std::to_array<std::string_view>({
    // 1: a candidate is one row; what became of its function is one evaluation, shared by all with its fingerprint.
    // The funnel is one row that counts along, so that no count grows with the study. It is the last row that a
    // transaction changes: its lock puts the positions of scored candidates in the order in which they become visible.
    R"(
CREATE TABLE schema_version (version INTEGER NOT NULL);
INSERT INTO schema_version (version) VALUES (0);

CREATE TABLE study (configuration TEXT NOT NULL, created DOUBLE PRECISION NOT NULL);

CREATE TABLE worker (
    id IDENTITY, host TEXT NOT NULL, process BIGINT NOT NULL, device TEXT NOT NULL, engine TEXT NOT NULL,
    build TEXT NOT NULL, started DOUBLE PRECISION NOT NULL);

CREATE TABLE candidate (
    id IDENTITY, fingerprint TEXT NOT NULL, hash TEXT NOT NULL, graph TEXT NOT NULL,
    parent BIGINT REFERENCES candidate (id), origin TEXT NOT NULL, invalid TEXT,
    proposer BIGINT NOT NULL REFERENCES worker (id), position BIGINT);
CREATE INDEX candidate_fingerprint ON candidate (fingerprint);
CREATE UNIQUE INDEX candidate_position ON candidate (position) WHERE position IS NOT NULL;

CREATE TABLE evaluation (
    fingerprint TEXT PRIMARY KEY NOT NULL, candidate BIGINT NOT NULL REFERENCES candidate (id),
    candidates BIGINT NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL,
    worker BIGINT REFERENCES worker (id), lease_until DOUBLE PRECISION NOT NULL,
    rejection TEXT NOT NULL, reason TEXT NOT NULL, seconds DOUBLE PRECISION NOT NULL);
CREATE INDEX evaluation_lease ON evaluation (lease_until) WHERE state = 'open';

CREATE TABLE score (
    id IDENTITY, fingerprint TEXT NOT NULL REFERENCES evaluation (fingerprint), task TEXT NOT NULL,
    replicate INTEGER NOT NULL, accuracy DOUBLE PRECISION, seconds DOUBLE PRECISION NOT NULL,
    worker BIGINT NOT NULL REFERENCES worker (id), UNIQUE (fingerprint, task, replicate));

CREATE TABLE failure (
    id IDENTITY, fingerprint TEXT NOT NULL REFERENCES evaluation (fingerprint),
    worker BIGINT NOT NULL REFERENCES worker (id), reason TEXT NOT NULL, happened DOUBLE PRECISION NOT NULL);
CREATE INDEX failure_fingerprint ON failure (fingerprint);

CREATE TABLE funnel (
    proposed BIGINT NOT NULL, invalid BIGINT NOT NULL, duplicate BIGINT NOT NULL, quality BIGINT NOT NULL,
    stability BIGINT NOT NULL, scored BIGINT NOT NULL, quarantined BIGINT NOT NULL, open BIGINT NOT NULL,
    last_position BIGINT NOT NULL);
INSERT INTO funnel VALUES (0, 0, 0, 0, 0, 0, 0, 0, 0);
)",
    // 2: the best layers are read off an index instead of being sorted. No mean where an accuracy is missing.
    R"(
ALTER TABLE evaluation ADD COLUMN mean_accuracy DOUBLE PRECISION;
UPDATE evaluation SET mean_accuracy = (
    SELECT CASE WHEN COUNT(*) = COUNT(accuracy) THEN AVG(accuracy) END FROM score
    WHERE score.fingerprint = evaluation.fingerprint) WHERE state = 'scored';
CREATE INDEX evaluation_mean_accuracy ON evaluation (mean_accuracy DESC, candidate) WHERE mean_accuracy IS NOT NULL;
)",
    // 3: what others see of a worker: its last sign of life, its end, and how far its evaluations are. Indices find the
    // workers that are alive, what was finished lately, and what one worker evaluated.
    R"(
ALTER TABLE worker ADD COLUMN seen DOUBLE PRECISION NOT NULL DEFAULT 0;
ALTER TABLE worker ADD COLUMN ended DOUBLE PRECISION;
ALTER TABLE worker ADD COLUMN evaluated BIGINT NOT NULL DEFAULT 0;
ALTER TABLE worker ADD COLUMN refused TEXT NOT NULL DEFAULT '';
UPDATE worker SET ended = started;
CREATE INDEX worker_alive ON worker (seen) WHERE ended IS NULL;
ALTER TABLE evaluation ADD COLUMN stage TEXT NOT NULL DEFAULT '';
ALTER TABLE evaluation ADD COLUMN step INTEGER NOT NULL DEFAULT 0;
ALTER TABLE evaluation ADD COLUMN steps INTEGER NOT NULL DEFAULT 0;
ALTER TABLE evaluation ADD COLUMN finished DOUBLE PRECISION;
CREATE INDEX evaluation_finished ON evaluation (finished) WHERE finished IS NOT NULL;
CREATE INDEX evaluation_worker ON evaluation (worker) WHERE worker IS NOT NULL;
CREATE INDEX evaluation_quarantined ON evaluation (candidate) WHERE state = 'quarantined';
)",
    // 4: for many workers at once. A duplicate changes no row that all duplicates of its function share; the counts are
    // the sums of 32 rows; the positions of scored candidates are given out apart from them. No index holds the time of
    // a worker's last sign of life, which changes all the time. New: the last lines of a worker's log.
    R"(
ALTER TABLE evaluation DROP COLUMN candidates;
DROP INDEX worker_alive;
CREATE INDEX worker_running ON worker (id) WHERE ended IS NULL;
CREATE TABLE positions (last BIGINT NOT NULL);
INSERT INTO positions SELECT last_position FROM funnel;
CREATE TABLE counts (
    part INTEGER PRIMARY KEY NOT NULL, proposed BIGINT NOT NULL, invalid BIGINT NOT NULL, duplicate BIGINT NOT NULL,
    quality BIGINT NOT NULL, stability BIGINT NOT NULL, scored BIGINT NOT NULL, quarantined BIGINT NOT NULL,
    open BIGINT NOT NULL);
INSERT INTO counts SELECT 0, proposed, invalid, duplicate, quality, stability, scored, quarantined, open FROM funnel;
INSERT INTO counts WITH RECURSIVE parts (part) AS (SELECT 1 UNION ALL SELECT part + 1 FROM parts WHERE part < 31)
    SELECT part, 0, 0, 0, 0, 0, 0, 0, 0 FROM parts;
DROP TABLE funnel;
CREATE TABLE worker_log (worker BIGINT PRIMARY KEY NOT NULL REFERENCES worker (id), tail TEXT NOT NULL);
ALTER TABLE failure ADD COLUMN log TEXT NOT NULL DEFAULT '';
)",
    // 5: the trainings of re-evaluations. `layer` is the hash with the settings that the layer is trained with.
    R"(
CREATE TABLE trial (
    id IDENTITY, condition TEXT NOT NULL, layer TEXT NOT NULL, replicate INTEGER NOT NULL, graph TEXT NOT NULL,
    state TEXT NOT NULL, attempts INTEGER NOT NULL, worker BIGINT REFERENCES worker (id),
    lease_until DOUBLE PRECISION NOT NULL, value DOUBLE PRECISION, seconds DOUBLE PRECISION NOT NULL,
    reason TEXT NOT NULL, finished DOUBLE PRECISION, UNIQUE (condition, layer, replicate));
)",
    // 6: the mean accuracy of a rejected layer that was scored all the same. It is apart from that of the scored ones,
    // from which the best are read.
    R"(
ALTER TABLE evaluation ADD COLUMN audit_accuracy DOUBLE PRECISION;
CREATE INDEX evaluation_audit ON evaluation (rejection, audit_accuracy) WHERE audit_accuracy IS NOT NULL;
)",
    // 7: pages of layers in the order of one task's accuracy.
    R"(
CREATE INDEX score_accuracy ON score (task, accuracy DESC, id) WHERE accuracy IS NOT NULL;
)",
});

void run(soci::session& sql, const Dialect& dialect, std::string_view step) {
    constexpr std::string_view placeholder = "IDENTITY";
    for (std::size_t end = step.find(';'); end != std::string_view::npos; end = step.find(';')) {
        std::string statement(step.substr(0, end));
        if (const auto at = statement.find(placeholder); at != std::string::npos)
            statement.replace(at, placeholder.size(), dialect.identity);
        sql << statement;
        step.remove_prefix(end + 1);
    }
}

}  // namespace

int schema_version() { return static_cast<int>(steps.size()); }

void migrate(soci::session& sql, const Dialect& dialect, int version) {
    for (int step = version; step < schema_version(); ++step) run(sql, dialect, steps.at(step));
    sql << "UPDATE schema_version SET version = " + std::to_string(schema_version());
}

Fill configured(const std::string& configuration) {
    return [configuration](soci::session& sql, const Dialect& dialect) {
        sql << "INSERT INTO study (configuration, created) VALUES (:configuration, " + dialect.now + ")",
            soci::use(configuration);
    };
}

int stored_schema_version(soci::session& sql) {
    int version = 0;
    sql << "SELECT version FROM schema_version", soci::into(version);
    return version;
}

}  // namespace normact::results
