#include "results/workers.h"

#include "results/counts.h"
#include "results/one_time.h"

#include <map>
#include <utility>

namespace normact::results {
namespace {

using soci::into;
using soci::use;

void refuse_if_asked(const std::string& refused) {
    if (!refused.empty()) throw WorkerRefused("this worker may not work for the study any more: " + refused);
}

/// Which workers are meant, as a condition on the table worker.
std::pair<std::string, std::string> condition_of(const Source& source) {
    if (source.worker) return {"id = CAST(:source AS BIGINT)", std::to_string(*source.worker)};
    if (source.host) return {"host = :source", *source.host};
    if (source.build) return {"build = :source", *source.build};
    throw std::invalid_argument("a source needs a worker, a host or a build");
}

std::string words_of(const Source& source) {
    if (source.worker) return "the scores of worker " + std::to_string(*source.worker) + " were taken back";
    if (source.host) return "the scores of host " + *source.host + " were taken back";
    return "the scores of build " + source.build.value() + " were taken back";
}

}  // namespace

void note_sign_of_life(soci::session& sql, const Dialect& dialect, WorkerId worker) {
    const long long id = worker;
    std::string refused;
    sql << "UPDATE worker SET seen = " + dialect.now + " WHERE id = :id RETURNING refused", use(id), into(refused);
    refuse_if_asked(refused);
}

void note_result(soci::session& sql, const Dialect& dialect, WorkerId worker) {
    const long long id = worker;
    std::string refused;
    sql << "UPDATE worker SET seen = " + dialect.now + ", evaluated = evaluated + 1 WHERE id = :id RETURNING refused",
        use(id), into(refused);
    refuse_if_asked(refused);
}

std::vector<WorkerStatus> read_workers(soci::session& sql, const Dialect& dialect, std::chrono::seconds seen_within) {
    long long id = 0, process = 0, evaluated = 0;
    double age = 0, seen = 0;
    WorkerStatus status;
    soci::statement workers(sql);
    workers.exchange(into(id));
    workers.exchange(into(status.worker.host));
    workers.exchange(into(process));
    workers.exchange(into(status.worker.device));
    workers.exchange(into(status.worker.engine));
    workers.exchange(into(status.worker.build));
    workers.exchange(into(age));
    workers.exchange(into(seen));
    workers.exchange(into(evaluated));
    workers.exchange(into(status.refused));
    execute_one_time(workers, "SELECT id, host, process, device, engine, build, " + dialect.now + " - started, " +
                                  dialect.now +
                                  " - seen, evaluated, refused FROM worker WHERE ended IS NULL AND seen > " +
                                  dialect.now + " - " + std::to_string(seen_within.count()) + " ORDER BY id");
    std::vector<WorkerStatus> found;
    std::map<WorkerId, std::size_t> places;
    while (workers.fetch()) {
        status.id = id;
        status.worker.process = process;
        status.age = std::chrono::seconds(static_cast<std::int64_t>(age));
        status.seen = std::chrono::seconds(static_cast<std::int64_t>(seen));
        status.evaluated = evaluated;
        places[id] = found.size();
        found.push_back(status);
    }
    long long holder = 0, candidate = 0;
    WorkerStatus::Claim claim;
    soci::statement claims(sql);
    claims.exchange(into(holder));
    claims.exchange(into(candidate));
    claims.exchange(into(claim.progress.stage));
    claims.exchange(into(claim.progress.step));
    claims.exchange(into(claim.progress.steps));
    execute_one_time(claims,
                     "SELECT worker, candidate, stage, step, steps FROM evaluation WHERE state = 'open'"
                     " AND worker IS NOT NULL AND lease_until > " +
                         dialect.now + " ORDER BY candidate");
    while (claims.fetch()) {
        claim.candidate = candidate;
        if (const auto place = places.find(holder); place != places.end()) found[place->second].claims.push_back(claim);
    }
    return found;
}

void refuse_workers(soci::session& sql, const Source& source) {
    const auto& [condition, value] = condition_of(source);
    const std::string reason = words_of(source);
    sql << "UPDATE worker SET refused = :reason WHERE " + condition, use(reason), use(value);
}

TakenBack take_back(soci::session& sql, const Dialect& dialect, const Source& source) {
    const auto& [condition, value] = condition_of(source);
    // Those that were refused before: others of the same host or build may be at work by now.
    const std::string theirs = " AND worker IN (SELECT id FROM worker WHERE " + condition + " AND refused <> '')";
    const auto run = [&sql, value = value](const std::string& text) {
        soci::statement statement(sql);
        statement.exchange(use(value));
        execute_one_time(statement, text, /*whole=*/true);
        return statement.get_affected_rows();
    };
    // First of all the rows, so that neither results nor duplicates come between the statements.
    run("SELECT COUNT(*) FROM (SELECT fingerprint FROM evaluation WHERE state IN ('scored', 'rejected')" + theirs +
        dialect.lock_row + ") AS locked");
    const auto of = [&](const std::string& state) {
        return "fingerprint IN (SELECT fingerprint FROM evaluation WHERE state " + state + theirs + ")";
    };
    run("DELETE FROM score WHERE " + of("IN ('scored', 'rejected')"));
    run("UPDATE candidate SET position = NULL WHERE position IS NOT NULL AND " + of("= 'scored'"));
    const auto reopen = [&](const std::string& which) {
        return run(
            "UPDATE evaluation SET state = 'open', attempts = 0, lease_until = 0, worker = NULL, rejection = 'none',"
            " reason = '', mean_accuracy = NULL, audit_accuracy = NULL, finished = NULL, stage = '', step = 0, steps = "
            "0 WHERE " +
            which + theirs);
    };
    long long all = 0;
    std::string changes;
    const auto reopen_counted = [&](const std::string& count, const std::string& which) {
        const long long reopened = reopen(which);
        all += reopened;
        changes += count + " = " + count + " - " + std::to_string(reopened) + ", ";
    };
    reopen_counted("scored", "state = 'scored'");
    for (const proxy_tasks::Rejection filter : proxy_tasks::filters) {
        const std::string word(name(filter));
        reopen_counted(word, "state = 'rejected' AND rejection = '" + word + "'");
    }
    add_to_funnel(sql, 0, changes + "open = open + " + std::to_string(all));
    const long long trials =
        run("UPDATE trial SET state = 'open', attempts = 0, lease_until = 0, worker = NULL, value = NULL, seconds = 0,"
            " reason = '', finished = NULL WHERE state = 'finished'" +
            theirs);
    long long workers = 0;
    sql << "SELECT COUNT(*) FROM worker WHERE " + condition, use(value), into(workers);
    return TakenBack{.evaluations = all, .trials = trials, .workers = workers};
}

std::optional<Repeatable> find_repeatable(soci::session& sql, const Worker& worker) {
    long long candidate = 0, found_by = 0;
    // Of the latest ones, so that the cost does not grow with the study.
    sql << "SELECT latest.candidate, latest.worker FROM (SELECT candidate, worker, seconds, state FROM evaluation"
           " WHERE finished IS NOT NULL ORDER BY finished DESC LIMIT 1000) AS latest JOIN worker AS w ON w.id = "
           "latest.worker"
           " WHERE latest.state = 'scored' AND w.engine = :engine AND w.device = :device AND w.build = :build"
           " AND w.refused = '' ORDER BY latest.seconds, latest.candidate LIMIT 1",
        use(worker.engine), use(worker.device), use(worker.build), into(candidate), into(found_by);
    if (!sql.got_data()) return std::nullopt;
    return Repeatable{candidate, found_by};
}

}  // namespace normact::results
