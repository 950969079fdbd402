#include "results/failures.h"

#include "results/counts.h"
#include "results/one_time.h"

#include <optional>

namespace normact::results {
namespace {

using soci::into;
using soci::use;

std::string named(soci::session& sql, long long worker) {
    std::string host;
    sql << "SELECT host FROM worker WHERE id = :id", use(worker), into(host);
    return "worker " + std::to_string(worker) + " on " + host;
}

std::string end_of_log(const std::string& tail) { return tail.empty() ? "" : "\nIts log ended with:\n" + tail; }

/// The attempt that is held still: whoever holds it has not come back.
std::optional<std::string> silent_end(soci::session& sql, const std::string& fingerprint) {
    long long worker = 0;
    int step = 0, steps = 0;
    std::string stage, tail;
    sql << "SELECT worker, stage, step, steps FROM evaluation WHERE fingerprint = :fingerprint AND worker IS NOT NULL",
        use(fingerprint), into(worker), into(stage), into(step), into(steps);
    if (!sql.got_data()) return std::nullopt;
    sql << "SELECT tail FROM worker_log WHERE worker = :worker", use(worker), into(tail);
    const std::string where =
        stage.empty() ? "" : ", " + stage + " " + std::to_string(step) + "/" + std::to_string(steps);
    return named(sql, worker) + " stopped without a word" + where + end_of_log(tail);
}

std::optional<std::string> last_words(soci::session& sql, const std::string& fingerprint) {
    long long worker = 0;
    std::string reason, log;
    sql << "SELECT worker, reason, log FROM failure WHERE fingerprint = :fingerprint ORDER BY id DESC LIMIT 1",
        use(fingerprint), into(worker), into(reason), into(log);
    if (!sql.got_data()) return std::nullopt;
    return named(sql, worker) + " said: " + reason + end_of_log(log);
}

std::string why_attempts_failed(soci::session& sql, const std::string& fingerprint, int attempts) {
    const std::string count = std::to_string(attempts) + (attempts == 1 ? " attempt failed" : " attempts failed");
    auto end = silent_end(sql, fingerprint);
    if (!end) end = last_words(sql, fingerprint);
    return end ? count + "; in the last one " + *end : count;
}

}  // namespace

void quarantine(soci::session& sql, WorkerId worker, const std::string& fingerprint, int attempts) {
    const std::string reason = why_attempts_failed(sql, fingerprint, attempts);
    sql << "UPDATE evaluation SET state = 'quarantined', reason = :reason, worker = NULL"
           " WHERE fingerprint = :fingerprint",
        use(reason), use(fingerprint);
    add_to_funnel(sql, worker, "open = open - 1, quarantined = quarantined + 1");
}

std::int64_t reopen_quarantined(soci::session& sql) {
    soci::statement reopen(sql);
    execute_one_time(reopen,
                     "UPDATE evaluation SET state = 'open', attempts = 0, lease_until = 0, worker = NULL, reason = '',"
                     " stage = '', step = 0, steps = 0 WHERE state = 'quarantined'",
                     /*whole=*/true);
    const std::int64_t count = reopen.get_affected_rows();
    const std::string opened = std::to_string(count);
    add_to_funnel(sql, 0, "quarantined = quarantined - " + opened + ", open = open + " + opened);
    return count;
}

}  // namespace normact::results
