#include "results/outcomes.h"

#include "results/counts.h"
#include "results/workers.h"

#include <cmath>
#include <limits>

namespace normact::results {
namespace {

using proxy_tasks::Outcome;
using proxy_tasks::Rejection;
using soci::into;
using soci::use;
using State = Candidate::State;

/// A number for a column that holds NULL for what is not a number.
struct Nullable {
    explicit Nullable(double number) : value(number), indicator(std::isnan(number) ? soci::i_null : soci::i_ok) {}
    double value;
    soci::indicator indicator;
};

/// The funnel's column for an outcome.
std::string funnel_column(const Outcome& outcome) {
    return outcome.rejection == Rejection::none ? "scored" : std::string(name(outcome.rejection));
}

void insert_score(soci::session& sql, WorkerId worker, const std::string& fingerprint,
                  const proxy_tasks::Score& score) {
    Nullable accuracy(score.accuracy);
    const long long source = worker;
    sql << "INSERT INTO score (fingerprint, task, replicate, accuracy, seconds, worker)"
           " VALUES (:fingerprint, :task, :replicate, :accuracy, :seconds, :worker)",
        use(fingerprint), use(score.task), use(score.replicate), use(accuracy.value, accuracy.indicator),
        use(score.seconds), use(source);
}

/// Gives all candidates of a fingerprint, which are scored from now on, the next positions, in the order of their ids.
void number_scored(soci::session& sql, const std::string& fingerprint) {
    long long candidates = 0;
    sql << "SELECT COUNT(*) FROM candidate WHERE fingerprint = :fingerprint AND invalid IS NULL", use(fingerprint),
        into(candidates);
    const long long before = take_positions(sql, candidates) - candidates;
    sql << "UPDATE candidate SET position = :before + (SELECT COUNT(*) FROM candidate AS earlier"
           " WHERE earlier.fingerprint = candidate.fingerprint AND earlier.id <= candidate.id"
           " AND earlier.invalid IS NULL) WHERE fingerprint = :fingerprint AND invalid IS NULL",
        use(before), use(fingerprint);
}

void update_evaluation(soci::session& sql, const Dialect& dialect, WorkerId worker, const std::string& fingerprint,
                       const Outcome& outcome) {
    const bool scored = outcome.rejection == Rejection::none;
    const long long holder = worker;
    const std::string state(name(scored ? State::scored : State::rejected)), rejection(name(outcome.rejection));
    constexpr double none = std::numeric_limits<double>::quiet_NaN();
    const double accuracy = mean_accuracy(outcome.scores).value_or(none);
    Nullable mean(scored ? accuracy : none), audit(scored ? none : accuracy);
    sql << "UPDATE evaluation SET state = :state, rejection = :rejection, reason = :reason, seconds = :seconds,"
           " worker = :worker, mean_accuracy = :mean, audit_accuracy = :audit, finished = " +
               dialect.now + " WHERE fingerprint = :fingerprint",
        use(state), use(rejection), use(outcome.reason), use(outcome.seconds), use(holder),
        use(mean.value, mean.indicator), use(audit.value, audit.indicator), use(fingerprint);
}

}  // namespace

bool record_outcome(soci::session& sql, const Dialect& dialect, WorkerId worker, const std::string& fingerprint,
                    const Outcome& outcome) {
    std::string before;
    sql << "SELECT state FROM evaluation WHERE fingerprint = :fingerprint" + dialect.lock_row, use(fingerprint),
        into(before);
    if (!sql.got_data()) throw StoreError("no candidate with fingerprint " + fingerprint + " was proposed");
    if (before != name(State::open) && before != name(State::quarantined)) return false;

    update_evaluation(sql, dialect, worker, fingerprint, outcome);
    for (const auto& score : outcome.scores) insert_score(sql, worker, fingerprint, score);
    note_result(sql, dialect, worker);
    const auto column = funnel_column(outcome);
    add_to_funnel(sql, worker, before + " = " + before + " - 1, " + column + " = " + column + " + 1");
    if (outcome.rejection == Rejection::none) number_scored(sql, fingerprint);
    return true;
}

}  // namespace normact::results
