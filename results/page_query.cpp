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

bool by_mean(Order order) { return order == Order::best || order == Order::worst; }

/// All digits of a number, as SQL reads it.
std::string number(double value) {
    if (!std::isfinite(value)) throw std::invalid_argument("a page can't begin behind what is no number");
    std::array<char, 40> digits{};
    std::snprintf(digits.data(), digits.size(), "%.17g", value);
    return "CAST(" + std::string(digits.data()) + " AS DOUBLE PRECISION)";
}

/// That a row's mean is beyond the position's, or equal with an id that is; in the words that an index over both
/// columns understands. `side` and `id_side`: "<" or ">", of ids with or without "=".
std::string beyond(const PagePosition& position, const std::string& side, const std::string& id_side) {
    const auto mean = number(position.mean);
    return "e.mean_accuracy " + side + "= " + mean + " AND (e.mean_accuracy " + side + " " + mean + " OR e.candidate " +
           id_side + " " + std::to_string(position.candidate) + ")";
}

/// That a row comes behind the position.
std::string behind(Order order, const PagePosition& position) {
    const auto id = std::to_string(position.candidate);
    if (order == Order::newest) return "c.id < " + id;
    if (order == Order::oldest) return "c.id > " + id;
    return order == Order::best ? beyond(position, "<", ">") : beyond(position, ">", "<");
}

/// That a row comes before the position or is it.
std::string up_to(Order order, const PagePosition& position) {
    const auto id = std::to_string(position.candidate);
    if (order == Order::newest) return "c.id >= " + id;
    if (order == Order::oldest) return "c.id <= " + id;
    return order == Order::best ? beyond(position, ">", "<=") : beyond(position, "<", ">=");
}

const char* order_of(Order order) {
    switch (order) {
        case Order::best:
            return " ORDER BY e.mean_accuracy DESC, e.candidate";
        case Order::worst:
            return " ORDER BY e.mean_accuracy, e.candidate DESC";
        case Order::newest:
            return " ORDER BY c.id DESC";
        case Order::oldest:
            return " ORDER BY c.id";
    }
    throw std::logic_error("an order without a clause");
}

/// The last of the rows that the page may look at; nothing if the study ends before.
std::optional<PagePosition> last_row_looked_at(soci::session& sql, const CandidateQuery& query) {
    long long id = 0;
    if (by_mean(query.order)) {
        double mean = 0;
        sql << "SELECT e.mean_accuracy, e.candidate FROM evaluation AS e WHERE e.mean_accuracy IS NOT NULL" +
                   (query.after ? " AND " + behind(query.order, *query.after) : "") + order_of(query.order) +
                   " LIMIT 1 OFFSET " + std::to_string(most_rows_a_page - 1),
            into(mean), into(id);
        return sql.got_data() ? std::optional(PagePosition{mean, id}) : std::nullopt;
    }
    // Ids have few gaps, so that a range of them stands for a number of rows.
    soci::indicator is_there{};
    sql << "SELECT MAX(id) FROM candidate", into(id, is_there);
    if (is_there != soci::i_ok) return std::nullopt;
    if (query.order == Order::newest) {
        const std::int64_t last = (query.after ? query.after->candidate : id + 1) - most_rows_a_page;
        return last > 1 ? std::optional(PagePosition{0, last}) : std::nullopt;
    }
    const std::int64_t last = (query.after ? query.after->candidate : 0) + most_rows_a_page;
    return last < id ? std::optional(PagePosition{0, last}) : std::nullopt;
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

std::string statement_of(const CandidateQuery& query, const std::optional<PagePosition>& last) {
    const std::string tables =
        by_mean(query.order)
            ? "evaluation AS e JOIN candidate AS c ON c.id = e.candidate WHERE e.mean_accuracy IS NOT NULL"
            : "candidate AS c LEFT JOIN evaluation AS e ON e.fingerprint = c.fingerprint AND c.invalid IS NULL WHERE "
              "1 = 1";
    return "SELECT c.id, e.mean_accuracy FROM " + tables +
           (query.after ? " AND " + behind(query.order, *query.after) : "") +
           (last ? " AND " + up_to(query.order, *last) : "") + conditions_of(query) + order_of(query.order) +
           " LIMIT " + std::to_string(query.limit);
}

}  // namespace

PageIds read_page(soci::session& sql, const CandidateQuery& query) {
    if (query.limit < 1 || query.limit > most_of_a_page)
        throw std::invalid_argument("a page has 1 to " + std::to_string(most_of_a_page) + " candidates");
    // Candidates with one fingerprint are found by an index, and where all rows fit the page ends by its limit.
    const bool is_bounded = query.fingerprint || conditions_of(query).empty();
    const auto last = is_bounded ? std::nullopt : last_row_looked_at(sql, query);
    long long id = 0;
    double mean = 0;
    soci::indicator has_mean{};
    soci::statement statement(sql);
    statement.exchange(into(id));
    statement.exchange(into(mean, has_mean));
    if (!query.origin.empty()) statement.exchange(soci::use(query.origin));
    execute_one_time(statement, statement_of(query, last));
    PageIds page;
    while (statement.fetch()) {
        page.ids.push_back(id);
        page.next = PagePosition{by_mean(query.order) ? mean : 0, id};
    }
    if (std::ssize(page.ids) < query.limit) page.next = last;
    return page;
}

}  // namespace normact::results
