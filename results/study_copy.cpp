#include "results/study_copy.h"

#include "results/one_time.h"
#include "results/postgresql.h"
#include "results/sqlite.h"
#include "results/study.h"

#include <list>
#include <map>
#include <memory>
#include <sstream>
#include <utility>
#include <vector>

namespace normact::results {
namespace {

using soci::into;
using soci::use;

enum class Kind { number, real, text };

struct Column {
    const char* name;
    Kind kind;
};

struct Table {
    const char* name;
    const char* key;  ///< what its rows are read by, in ascending order; the first column
    std::vector<Column> columns;
};

/// All tables in an order in which references find what they refer to, candidates by their ids before their children.
/// study_copy_test.cpp compares them with the schema.
const std::vector<Table>& tables() {
    using enum Kind;
    static const std::vector<Table> all{
        {"study", "created", {{"created", real}, {"configuration", text}}},
        {"worker",
         "id",
         {{"id", number},
          {"host", text},
          {"process", number},
          {"device", text},
          {"engine", text},
          {"build", text},
          {"started", real},
          {"seen", real},
          {"ended", real},
          {"evaluated", number},
          {"refused", text}}},
        {"worker_log", "worker", {{"worker", number}, {"tail", text}}},
        {"candidate",
         "id",
         {{"id", number},
          {"fingerprint", text},
          {"hash", text},
          {"graph", text},
          {"parent", number},
          {"origin", text},
          {"invalid", text},
          {"proposer", number},
          {"position", number}}},
        {"evaluation",
         "fingerprint",
         {{"fingerprint", text},
          {"candidate", number},
          {"state", text},
          {"attempts", number},
          {"worker", number},
          {"lease_until", real},
          {"rejection", text},
          {"reason", text},
          {"seconds", real},
          {"mean_accuracy", real},
          {"audit_accuracy", real},
          {"stage", text},
          {"step", number},
          {"steps", number},
          {"finished", real}}},
        {"score",
         "id",
         {{"id", number},
          {"fingerprint", text},
          {"task", text},
          {"replicate", number},
          {"accuracy", real},
          {"seconds", real},
          {"worker", number}}},
        {"failure",
         "id",
         {{"id", number},
          {"fingerprint", text},
          {"worker", number},
          {"reason", text},
          {"happened", real},
          {"log", text}}},
        {"trial",
         "id",
         {{"id", number},
          {"condition", text},
          {"layer", text},
          {"replicate", number},
          {"graph", text},
          {"state", text},
          {"attempts", number},
          {"worker", number},
          {"lease_until", real},
          {"value", real},
          {"seconds", real},
          {"reason", text},
          {"finished", real}}},
        {"positions", "last", {{"last", number}}},
        {"counts",
         "part",
         {{"part", number},
          {"proposed", number},
          {"invalid", number},
          {"duplicate", number},
          {"quality", number},
          {"stability", number},
          {"scored", number},
          {"quarantined", number},
          {"open", number}}},
    };
    return all;
}

/// A value of any column, as SOCI reads and writes it.
struct Value {
    Kind kind;
    long long number = 0;
    double real = 0;
    std::string text{};
    soci::indicator indicator = soci::i_ok;
};

std::list<Value> row_of(const Table& table) {
    std::list<Value> row;
    for (const Column& column : table.columns) row.push_back({.kind = column.kind});
    return row;
}

std::string names_of(const Table& table, const char* before) {
    std::string names;
    for (const Column& column : table.columns) names += (names.empty() ? "" : ", ") + std::string(before) + column.name;
    return names;
}

void read_into(soci::statement& statement, std::list<Value>& row) {
    for (Value& value : row) {
        if (value.kind == Kind::number) statement.exchange(into(value.number, value.indicator));
        if (value.kind == Kind::real) statement.exchange(into(value.real, value.indicator));
        if (value.kind == Kind::text) statement.exchange(into(value.text, value.indicator));
    }
}

void write_from(soci::statement& statement, std::list<Value>& row) {
    for (Value& value : row) {
        if (value.kind == Kind::number) statement.exchange(use(value.number, value.indicator));
        if (value.kind == Kind::real) statement.exchange(use(value.real, value.indicator));
        if (value.kind == Kind::text) statement.exchange(use(value.text, value.indicator));
    }
}

/// The rows after `last` (nothing: from the first), at most so many; each is told.
int read_some(soci::session& from, const Table& table, std::list<Value>& row, const Value* last,
              const std::function<void()>& tell) {
    constexpr int at_once = 5000;
    std::string text = "SELECT " + names_of(table, "") + " FROM " + table.name;
    if (last != nullptr) text += std::string(" WHERE ") + table.key + " > :last";
    text += std::string(" ORDER BY ") + table.key + " LIMIT " + std::to_string(at_once);
    soci::statement statement(from);
    read_into(statement, row);
    Value bound = last != nullptr ? *last : Value{.kind = Kind::number};
    if (last != nullptr) {
        if (bound.kind == Kind::number) statement.exchange(use(bound.number));
        if (bound.kind == Kind::real) statement.exchange(use(bound.real));
        if (bound.kind == Kind::text) statement.exchange(use(bound.text));
    }
    execute_one_time(statement, text);
    int count = 0;
    while (statement.fetch()) {
        ++count;
        tell();
    }
    return count == at_once ? count : -count;
}

void copy_table(soci::session& from, soci::session& to, const Table& table, const std::function<void()>& told) {
    to << std::string("DELETE FROM ") + table.name;  // rows that a new study has
    std::list<Value> row = row_of(table);
    soci::statement insert(to);
    write_from(insert, row);
    insert.alloc();
    insert.prepare(std::string("INSERT INTO ") + table.name + " (" + names_of(table, "") + ") VALUES (" +
                       names_of(table, ":") + ")",
                   soci::details::st_one_time_query);
    insert.define_and_bind();
    std::unique_ptr<Value> last;
    const auto write = [&] {
        insert.execute(true);
        last = std::make_unique<Value>(row.front());
        told();
    };
    while (read_some(from, table, row, last.get(), write) > 0) {
    }
}

struct Opened {
    std::unique_ptr<soci::session> session;
    Dialect dialect;
};

Opened connect(const std::string& place) {
    if (!is_in_postgresql(place)) return {connect_sqlite(place), sqlite_dialect()};
    const PostgresqlPlace parsed = parse_postgresql_place(place);
    return {connect_postgresql(parsed), postgresql_dialect(parsed)};
}

}  // namespace

void copy_study(const std::string& from, const std::string& to, const std::function<void(std::int64_t)>& progress) {
    open_study(from);  // says what is wrong with it; an old file is brought up to date
    const Opened source = connect(from);
    std::int64_t rows = 0;
    const auto told = [&] {
        if (progress && ++rows % 1000 == 0) progress(rows);
    };
    const Fill fill = [&](soci::session& sql, const Dialect& dialect) {
        try {
            for (const std::string& statement : source.dialect.read) *source.session << statement;
            for (const Table& table : tables()) {
                copy_table(*source.session, sql, table, told);
                if (std::string_view(table.columns.front().name) == "id")
                    for (const std::string& statement : dialect.number_behind(table.name)) sql << statement;
            }
            *source.session << "COMMIT";
        } catch (const soci::soci_error& error) {
            throw StoreError("the copy failed, and there is none: " + dialect.explain(error).advice);
        }
    };
    is_in_postgresql(to) ? create_postgresql_study(to, fill) : create_sqlite_study(to, fill);
}

}  // namespace normact::results
