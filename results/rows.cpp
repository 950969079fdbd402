#include "results/rows.h"

#include "primitives/json.h"
#include "results/one_time.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <string_view>

namespace normact::results {
namespace {

using proxy_tasks::Rejection;
using State = Candidate::State;

template <class Value>
struct Named {
    std::string_view name;
    Value value;
};
// By name, never by number.
constexpr auto states = std::to_array<Named<State>>({{"open", State::open},
                                                     {"rejected", State::rejected},
                                                     {"scored", State::scored},
                                                     {"quarantined", State::quarantined}});
constexpr auto rejections = std::to_array<Named<Rejection>>({{"none", Rejection::none},
                                                             {"invalid", Rejection::invalid},
                                                             {"quality", Rejection::quality},
                                                             {"stability", Rejection::stability}});

[[noreturn]] void damaged(CandidateId candidate, const std::string& what) {
    throw StoreError("the row of candidate " + std::to_string(candidate) + " is damaged: " + what);
}

template <class Table>
auto read_name(const Table& table, const std::string& column, CandidateId candidate) {
    for (const auto& row : table)
        if (row.name == column) return row.value;
    damaged(candidate, "it holds the unknown word \"" + column.substr(0, 40) + "\"");
}

template <class Table, class Value>
std::string_view find_name(const Table& table, Value value) {
    for (const auto& row : table)
        if (row.value == value) return row.name;
    throw std::logic_error("a value without a name in the tables");
}

/// The columns of a candidate and its evaluation, as they come.
struct CandidateRow {
    long long id = 0, parent = 0, evaluated = 0;
    std::string fingerprint, hash, graph, origin, invalid, state, rejection, reason;
    double seconds = 0, finished = 0;
    soci::indicator has_finished{}, has_parent{}, has_invalid{}, has_evaluation{}, has_rejection{}, has_reason{},
        has_seconds{}, has_evaluated{};

    Candidate candidate() const;
};

Candidate CandidateRow::candidate() const {
    Candidate candidate;
    candidate.id = id;
    candidate.graph = read_graph(graph, id);
    candidate.hash = read_hash(hash, id);
    candidate.fingerprint = read_hash(fingerprint, id);
    if (has_parent == soci::i_ok) candidate.parent = parent;
    candidate.origin = origin;
    if (has_invalid == soci::i_ok) {
        candidate.state = State::rejected;
        candidate.outcome.rejection = Rejection::invalid;
        candidate.outcome.reason = invalid;
        return candidate;
    }
    for (const auto indicator : {has_evaluation, has_rejection, has_reason, has_seconds, has_evaluated})
        if (indicator != soci::i_ok) damaged(id, "its evaluation is missing");
    candidate.state = read_name(states, state, id);
    candidate.outcome.rejection = read_name(rejections, rejection, id);
    if ((candidate.state == State::rejected) != (candidate.outcome.rejection != Rejection::none))
        damaged(id, "it is " + state + " with the rejection \"" + rejection + "\"");
    candidate.outcome.reason = reason;
    candidate.outcome.seconds = seconds;
    candidate.evaluated = evaluated;
    if (has_finished == soci::i_ok && std::isfinite(finished)) candidate.finished = finished;
    return candidate;
}

std::vector<Candidate> read_rows(soci::session& sql, const std::string& selection) {
    using soci::into;
    CandidateRow row;
    soci::statement statement(sql);
    statement.exchange(into(row.id));
    statement.exchange(into(row.fingerprint));
    statement.exchange(into(row.hash));
    statement.exchange(into(row.graph));
    statement.exchange(into(row.parent, row.has_parent));
    statement.exchange(into(row.origin));
    statement.exchange(into(row.invalid, row.has_invalid));
    statement.exchange(into(row.state, row.has_evaluation));
    statement.exchange(into(row.rejection, row.has_rejection));
    statement.exchange(into(row.reason, row.has_reason));
    statement.exchange(into(row.seconds, row.has_seconds));
    statement.exchange(into(row.evaluated, row.has_evaluated));
    statement.exchange(into(row.finished, row.has_finished));
    execute_one_time(statement,
                     "SELECT c.id, c.fingerprint, c.hash, c.graph, c.parent, c.origin, c.invalid,"
                     " e.state, e.rejection, e.reason, e.seconds, e.candidate, e.finished FROM (" +
                         selection +
                         ") AS selected JOIN candidate AS c ON c.id = selected.chosen"
                         " LEFT JOIN evaluation AS e ON e.fingerprint = c.fingerprint"
                         " ORDER BY selected.place, selected.chosen");
    std::vector<Candidate> candidates;
    while (statement.fetch()) candidates.push_back(row.candidate());
    return candidates;
}

std::map<CandidateId, std::vector<proxy_tasks::Score>> read_scores(soci::session& sql, const std::string& selection) {
    using soci::into;
    long long id = 0;
    proxy_tasks::Score score;
    soci::indicator has_accuracy{};
    soci::statement statement(sql);
    statement.exchange(into(id));
    statement.exchange(into(score.task));
    statement.exchange(into(score.replicate));
    statement.exchange(into(score.accuracy, has_accuracy));
    statement.exchange(into(score.seconds));
    execute_one_time(statement, "SELECT c.id, s.task, s.replicate, s.accuracy, s.seconds FROM (" + selection +
                                    ") AS selected JOIN candidate AS c ON c.id = selected.chosen"
                                    " JOIN score AS s ON s.fingerprint = c.fingerprint"
                                    " WHERE c.invalid IS NULL ORDER BY c.id, s.id");
    std::map<CandidateId, std::vector<proxy_tasks::Score>> scores;
    while (statement.fetch()) {
        // The databases' common way to keep what is not a number.
        if (has_accuracy == soci::i_null) score.accuracy = std::numeric_limits<double>::quiet_NaN();
        scores[id].push_back(score);
    }
    return scores;
}

}  // namespace

std::string_view name(State state) { return find_name(states, state); }
std::string_view name(Rejection rejection) { return find_name(rejections, rejection); }

std::string graph_column(const primitives::LayerGraph& graph) { return primitives::to_json({{}, graph, {}}); }

primitives::LayerGraph read_graph(const std::string& column, CandidateId candidate) {
    try {
        return primitives::parse_json(column).graph;
    } catch (const primitives::InvalidGraph& error) {
        damaged(candidate, error.what());
    }
}

primitives::Hash128 read_hash(const std::string& column, CandidateId candidate) {
    if (const auto hash = primitives::parse_hash(column)) return *hash;
    damaged(candidate, "\"" + column.substr(0, 40) + "\" is no hash");
}

std::vector<Candidate> read_candidates(soci::session& sql, const std::string& selection) {
    auto candidates = read_rows(sql, selection);
    auto scores = read_scores(sql, selection);
    for (auto& candidate : candidates) candidate.outcome.scores = std::move(scores[candidate.id]);
    return candidates;
}

std::optional<double> read_accuracy_at_rank(soci::session& sql, std::int64_t rank) {
    double accuracy = 0;
    sql << "SELECT mean_accuracy FROM evaluation WHERE mean_accuracy IS NOT NULL"
           " ORDER BY mean_accuracy DESC, candidate LIMIT 1 OFFSET " +
               std::to_string(rank - 1),
        soci::into(accuracy);
    return sql.got_data() ? std::optional(accuracy) : std::nullopt;
}

std::vector<Audit> read_audits(soci::session& sql) {
    long long candidate = 0;
    std::string rejection;
    Audit audit;
    soci::statement statement(sql);
    statement.exchange(soci::into(candidate));
    statement.exchange(soci::into(rejection));
    statement.exchange(soci::into(audit.accuracy));
    execute_one_time(statement,
                     "SELECT candidate, rejection, audit_accuracy FROM evaluation WHERE audit_accuracy IS NOT NULL"
                     " ORDER BY rejection, audit_accuracy");
    std::vector<Audit> audits;
    while (statement.fetch()) {
        audit.filter = read_name(rejections, rejection, candidate);
        if (std::ranges::find(proxy_tasks::filters, audit.filter) == proxy_tasks::filters.end())
            damaged(candidate, "it is audited with the rejection \"" + rejection + "\"");
        if (!std::isfinite(audit.accuracy)) damaged(candidate, "its audited accuracy is not finite");
        audits.push_back(audit);
    }
    return audits;
}

}  // namespace normact::results
