#include "results/page_query.h"

#include "results/one_time.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>
#include <stdexcept>
#include <string_view>

namespace normact::results {
namespace {

using soci::into;
using Order = CandidateQuery::Order;

struct StateCondition {
    std::string_view state, condition;
};
constexpr auto states = std::to_array<StateCondition>({
    {"invalid", "c.invalid IS NOT NULL"},
    {"duplicate", "c.invalid IS NULL AND e.candidate <> c.id"},
    {"quality", "e.rejection = 'quality' AND e.candidate = c.id"},
    {"stability", "e.rejection = 'stability' AND e.candidate = c.id"},
    {"scored", "e.state = 'scored' AND e.candidate = c.id"},
    {"quarantined", "e.state = 'quarantined' AND e.candidate = c.id"},
    {"open", "e.state = 'open' AND e.candidate = c.id"},
});

std::string condition_of(std::string_view state) {
    const auto* const row = std::ranges::find(states, state, &StateCondition::state);
    if (row == states.end()) throw std::invalid_argument("no state is called '" + std::string(state) + "'");
    return std::string(row->condition);
}

/// How the column of graphs holds the part (rows.h: as the exchange format writes it).
std::string pattern_of(const GraphPart& part) {
    auto over = part.over == primitives::IndexSet::none
                    ? std::string()
                    : "\"over\": \"" + std::string(primitives::name(part.over)) + "\"";
    if (!part.op) return over;
    const auto op = "\"op\": \"" + std::string(primitives::primitive(*part.op).name) + "\"";
    return over.empty() ? op : op + ", " + over;
}

/// All digits of a number, as SQL reads it.
std::string number(double value) {
    if (!std::isfinite(value)) throw std::invalid_argument("a page can't begin behind what is no number");
    std::array<char, 40> digits{};
    std::snprintf(digits.data(), digits.size(), "%.17g", value);
    return "CAST(" + std::string(digits.data()) + " AS DOUBLE PRECISION)";
}

/// The rows that a page is read from, and the columns of the index that has them in order.
struct Rows {
    std::string table, joins, condition;
    std::string value;  ///< sorted by first; empty: by the row alone
    std::string row;    ///< no two rows are equal in it
    bool value_falls = false, row_falls = false;
};

bool by_id(const CandidateQuery& query) { return query.order == Order::newest || query.order == Order::oldest; }
bool by_task(const CandidateQuery& query) { return !by_id(query) && !query.task.empty(); }

Rows rows_of(const CandidateQuery& query) {
    if (by_id(query))
        return {.table = "candidate AS c",
                .joins = " LEFT JOIN evaluation AS e ON e.fingerprint = c.fingerprint AND c.invalid IS NULL",
                .condition = "1 = 1",
                .value = "",
                .row = "c.id",
                .row_falls = query.order == Order::newest};
    const bool best_first = query.order == Order::best;
    if (!by_task(query))
        return {.table = "evaluation AS e",
                .joins = " JOIN candidate AS c ON c.id = e.candidate",
                .condition = "e.mean_accuracy IS NOT NULL",
                .value = "e.mean_accuracy",
                .row = "e.candidate",
                .value_falls = best_first,
                .row_falls = !best_first};
    return {.table = "score AS s",
            .joins =
                " JOIN evaluation AS e ON e.fingerprint = s.fingerprint AND e.state = 'scored'"
                " JOIN candidate AS c ON c.id = e.candidate",
            .condition = "s.task = :task AND s.accuracy IS NOT NULL",
            .value = "s.accuracy",
            .row = "s.id",
            .value_falls = best_first,
            .row_falls = !best_first};
}

/// That a row comes behind the position, or before it or is it; in the words that an index over both columns
/// understands.
std::string compared(const Rows& rows, bool behind, const PagePosition& position) {
    const auto side = [behind](bool falls) { return std::string(falls == behind ? "<" : ">"); };
    std::string of_row = rows.row + " " + side(rows.row_falls) + (behind ? " " : "= ") + std::to_string(position.row);
    if (rows.value.empty()) return of_row;
    const auto of_value = rows.value + " " + side(rows.value_falls), value = number(position.value);
    return of_value + "= " + value + " AND (" + of_value + " " + value + " OR " + of_row + ")";
}

std::string order_of(const Rows& rows) {
    const auto by = [](const std::string& column, bool falls) { return column + (falls ? " DESC" : ""); };
    return " ORDER BY " + (rows.value.empty() ? "" : by(rows.value, rows.value_falls) + ", ") +
           by(rows.row, rows.row_falls);
}

/// Ids have few gaps, so that a range of them stands for a number of rows.
std::optional<PagePosition> last_id_looked_at(soci::session& sql, const CandidateQuery& query, std::int64_t most) {
    long long id = 0;
    soci::indicator is_there{};
    sql << "SELECT MAX(id) FROM candidate", into(id, is_there);
    if (is_there != soci::i_ok) return std::nullopt;
    if (query.order == Order::newest) {
        const std::int64_t last = (query.after ? query.after->row : id + 1) - most;
        return last > 1 ? std::optional(PagePosition{0, last}) : std::nullopt;
    }
    const std::int64_t last = (query.after ? query.after->row : 0) + most;
    return last < id ? std::optional(PagePosition{0, last}) : std::nullopt;
}

/// The last of the rows that the page may look at; nothing if the study ends before.
std::optional<PagePosition> last_row_looked_at(soci::session& sql, const CandidateQuery& query, const Rows& rows,
                                               std::int64_t most) {
    if (by_id(query)) return last_id_looked_at(sql, query, most);
    PagePosition last;
    long long row = 0;
    soci::statement statement(sql);
    statement.exchange(into(last.value));
    statement.exchange(into(row));
    if (by_task(query)) statement.exchange(soci::use(query.task, "task"));
    execute_one_time(statement, "SELECT " + rows.value + ", " + rows.row + " FROM " + rows.table + " WHERE " +
                                    rows.condition +
                                    (query.after ? " AND " + compared(rows, /*behind=*/true, *query.after) : "") +
                                    order_of(rows) + " LIMIT 1 OFFSET " + std::to_string(most - 1));
    if (!statement.fetch()) return std::nullopt;
    last.row = row;
    return last;
}

std::string conditions_of(const CandidateQuery& query) {
    std::string conditions;
    if (!query.state.empty()) conditions += " AND " + condition_of(query.state);
    if (!query.origin.empty()) conditions += " AND c.origin = :origin";
    if (query.parent) conditions += " AND c.parent = " + std::to_string(*query.parent);
    if (query.fingerprint) conditions += " AND c.fingerprint = '" + to_string(*query.fingerprint) + "'";
    // What is looked for comes from tables of names, so that it needs no quoting.
    for (const GraphPart& part : query.with) conditions += " AND c.graph LIKE '%" + pattern_of(part) + "%'";
    for (const GraphPart& part : query.without) conditions += " AND c.graph NOT LIKE '%" + pattern_of(part) + "%'";
    return conditions;
}

std::string statement_of(const CandidateQuery& query, const Rows& rows, const std::optional<PagePosition>& last) {
    return "SELECT c.id, " + (rows.value.empty() ? number(0) : rows.value) + ", " + rows.row + " FROM " + rows.table +
           rows.joins + " WHERE " + rows.condition +
           (query.after ? " AND " + compared(rows, /*behind=*/true, *query.after) : "") +
           (last ? " AND " + compared(rows, /*behind=*/false, *last) : "") + conditions_of(query) + order_of(rows) +
           " LIMIT " + std::to_string(query.limit);
}

}  // namespace

PageIds read_page(soci::session& sql, const CandidateQuery& query, std::int64_t most_rows) {
    if (query.limit < 1 || query.limit > most_of_a_page)
        throw std::invalid_argument("a page has 1 to " + std::to_string(most_of_a_page) + " candidates");
    const Rows rows = rows_of(query);
    // Candidates with one fingerprint are found by an index, and where all rows fit the page ends by its limit.
    const bool is_bounded = (query.fingerprint && by_id(query)) || conditions_of(query).empty();
    const auto last = is_bounded ? std::nullopt : last_row_looked_at(sql, query, rows, most_rows);
    long long id = 0, row = 0;
    double value = 0;
    soci::statement statement(sql);
    statement.exchange(into(id));
    statement.exchange(into(value));
    statement.exchange(into(row));
    if (by_task(query)) statement.exchange(soci::use(query.task, "task"));
    if (!query.origin.empty()) statement.exchange(soci::use(query.origin, "origin"));
    execute_one_time(statement, statement_of(query, rows, last));
    PageIds page;
    while (statement.fetch()) {
        page.ids.push_back(id);
        page.next = PagePosition{value, row};
    }
    if (std::ssize(page.ids) < query.limit) page.next = last;
    return page;
}

}  // namespace normact::results
