#include "results/postgresql.h"

#include "results/one_time.h"
#include "results/schema.h"
#include "results/sql_store.h"
#include "results/sql_study_view.h"

#include <soci/postgresql/soci-postgresql.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <libpq-fe.h>
#include <new>
#include <poll.h>
#include <string_view>
#include <utility>

namespace normact::results {
namespace {

constexpr std::string_view schema_prefix = "normact_";
constexpr std::string_view default_study = "study";
constexpr int oldest_server = 120000;  // 12

struct Advice {
    std::string_view code;  ///< the beginning of an SQLSTATE
    bool passing;
    std::string_view text;
};
constexpr auto advices = std::to_array<Advice>({
    {"28", false,
     "the server refuses this user or password. Passwords are read from PGPASSFILE, ~/.pgpass, PGPASSWORD or the "
     "service"},
    {"3D000", false, "the server has no such database. Make it with: createdb"},
    {"42501", false, "the user lacks a right in this database. Grant it CREATE on the database"},
    {"42P01", false, "the study is gone or damaged: a table is missing. Restore it from a copy"},
    {"3F000", false, "the study was deleted while it was in use"},
    {"53100", true, "the server's disk is full. Make room: what was recorded is safe"},
    {"53300", true, "the server has no connection left. Use fewer workers, a pooler, or raise max_connections"},
    {"53", true, "the server is short of memory or of another resource"},
    {"57P01", true, "the server was stopped"},
    {"57P02", true, "the server crashed"},
    {"57P03", true, "the server is starting or stopping"},
    {"57P05", true, "the server closed a connection that was idle for long"},
    {"25P03", true, "the server closed a connection that was idle for long"},
    {"57014", true, "the server gave up after its statement_timeout"},
    {"40", true, "the database asked to try again"},
    {"55P03", true, "another connection holds a lock for too long"},
    {"25006", true, "the server is read-only: a standby, or an administrator's setting"},
    {"08", true, "the server can't be reached"},
});

Trouble trouble_of(std::string_view state, std::string_view message) {
    const std::string line(message.substr(0, message.find('\n')));
    const auto* const found =
        std::ranges::find_if(advices, [&](const Advice& advice) { return state.starts_with(advice.code); });
    if (found != advices.end()) return {std::string(found->text) + " (" + line + ")", found->passing};
    return {"the database refused: " + line};
}

Trouble explain_postgresql(const soci::soci_error& error) {
    const std::string_view message = error.what();
    const auto* const postgresql = dynamic_cast<const soci::postgresql_soci_error*>(&error);
    if (postgresql == nullptr) return trouble_of("", message);
    const std::string state = postgresql->sqlstate();
    if (state.find_first_not_of(' ') != std::string::npos) return trouble_of(state, message);
    return trouble_of("08", message);  // libpq's own: the connection broke
}

/// Runs `body` with errors of the database turned into StoreError.
template <class Body>
auto explained(const PostgresqlPlace& place, Body body) {
    try {
        return body();
    } catch (const soci::soci_error& error) {
        throw_trouble(place.text(), explain_postgresql(error));
    }
}

struct FreeOptions {
    void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};
using Options = std::unique_ptr<PQconninfoOption, FreeOptions>;

/// What libpq understands of a place. Its own message could show a password.
Options parse_options(const std::string& connection) {
    Options options(PQconninfoParse(connection.c_str(), nullptr));
    if (!options)
        throw StoreError(
            "the study's place is no URL that PostgreSQL understands; it should look like "
            "postgresql://user@host:5432/database#study, or service=NAME#study");
    return options;
}

std::string option(const Options& options, std::string_view keyword) {
    for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option)
        if (option->keyword == keyword) return option->val != nullptr ? option->val : "";
    return "";
}

std::string quoted(std::string_view value) {
    std::string text = "'";
    for (const char c : value) text += (c == '\'' || c == '\\') ? std::string{'\\', c} : std::string{c};
    return text + "'";
}

/// The options as libpq takes them, with what a worker needs where they don't say otherwise: a server that is gone is
/// noticed within a minute.
std::string connection_of(const Options& options) {
    std::string text;
    for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option)
        if (option->val != nullptr) text += std::string(option->keyword) + "=" + quoted(option->val) + " ";
    for (const auto& [keyword, value] :
         std::to_array<std::pair<std::string_view, std::string_view>>({{"connect_timeout", "10"},
                                                                       {"keepalives_idle", "30"},
                                                                       {"keepalives_interval", "10"},
                                                                       {"keepalives_count", "3"},
                                                                       {"tcp_user_timeout", "60000"},
                                                                       {"fallback_application_name", "normact"}}))
        if (option(options, keyword).empty()) text += std::string(keyword) + "=" + quoted(value) + " ";
    return text;
}

std::string database_text(const Options& options) {
    if (const auto service = option(options, "service"); !service.empty()) return "service=" + service;
    const auto user = option(options, "user"), host = option(options, "host"), port = option(options, "port");
    return "postgresql://" + (user.empty() ? "" : user + "@") + (host.starts_with('/') ? "" : host) +
           (port.empty() ? "" : ":" + port) + "/" + option(options, "dbname") +
           (host.starts_with('/') ? "?host=" + host : "");
}

void require_study_name(const std::string& name) {
    constexpr std::size_t longest = 40;
    constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyz0123456789_-";
    if (name.empty() || name.size() > longest || name.find_first_not_of(allowed) != std::string::npos)
        throw StoreError("the study's name after # must be 1 to " + std::to_string(longest) +
                         " of the characters a-z, 0-9, _ and -");
}

std::string use_schema(const PostgresqlPlace& place) { return "SET LOCAL search_path TO \"" + place.schema + "\""; }

bool schema_exists(soci::session& sql, const PostgresqlPlace& place) {
    int count = 0;
    sql << "SELECT COUNT(*) FROM pg_namespace WHERE nspname = :name", soci::use(place.schema), soci::into(count);
    return count > 0;
}

[[noreturn]] void refuse_missing(const PostgresqlPlace& place) {
    throw StoreError(place.text() + ": there is no study of this name. Start one with: normact search --study " +
                     place.text() + ", or see which there are: normact study list --study " + place.database);
}

/// Throws StoreError unless the study is of this program's version. An older one is not migrated unasked: workers of
/// an older release may be at work.
void check_version(const PostgresqlPlace& place, int version) {
    if (version == schema_version()) return;
    const std::string formats =
        " (format " + std::to_string(version) + "; this one has " + std::to_string(schema_version()) + "). ";
    if (version > schema_version())
        throw StoreError(place.text() + ": the study is of a newer normact" + formats + "Update normact");
    if (version < 1)
        throw StoreError(place.text() + ": the study is damaged: its format is unknown. Restore it from a copy");
    throw StoreError(place.text() + ": the study is of an older normact" + formats +
                     "Use that one; or stop all its workers and then bring the study up to date: normact study upgrade "
                     "--study " +
                     place.text());
}

/// In a transaction of its own.
int version_of(soci::session& sql, const PostgresqlPlace& place) {
    sql << "BEGIN";
    sql << use_schema(place);
    const int version = stored_schema_version(sql);
    sql << "COMMIT";
    return version;
}

struct CloseConnection {
    void operator()(PGconn* connection) const { PQfinish(connection); }
};

/// Waits until libpq can go on with a connection.
void wait_for(PGconn* connection, PostgresPollingStatusType what) {
    constexpr int longest_wait = 1'000;
    pollfd socket{PQsocket(connection), static_cast<short>(what == PGRES_POLLING_READING ? POLLIN : POLLOUT), 0};
    poll(&socket, 1, longest_wait);
}

/// The SQLSTATE in a verbose message of the server, "FATAL:  28P01: …" in the server's language; empty if it has none.
std::string_view state_in(std::string_view message) {
    constexpr std::size_t length = 5;
    constexpr std::string_view before = ":  ";
    for (auto at = message.find(before); at != std::string_view::npos; at = message.find(before, at + 1)) {
        const std::string_view state = message.substr(at + before.size(), length);
        if (state.size() == length && message.substr(at + before.size() + length).starts_with(": ") &&
            state.find_first_not_of("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == std::string_view::npos)
            return state;
    }
    return {};
}

/// What libpq found by itself. Only what the network or a server that is away does passes; what is set wrongly on this
/// machine, such as a service that is not there, stays.
Trouble trouble_of_libpq(std::string_view message) {
    constexpr auto passing =
        std::to_array<std::string_view>({"Connection refused", "timeout", "timed out", "No route", "unreachable",
                                         "closed the", "reset", "could not translate", "Broken pipe", "No such file",
                                         "SSL SYSCALL", "EOF detected", "read-only", "hot standby"});
    if (std::ranges::any_of(passing,
                            [&](std::string_view part) { return message.find(part) != std::string_view::npos; }))
        return trouble_of("08", message);
    return {"no connection can be made: " + std::string(message.substr(0, message.find('\n'))), false};
}

/// Why no connection can be made: SOCI keeps that to itself.
Trouble connection_trouble(const PostgresqlPlace& place) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    const std::unique_ptr<PGconn, CloseConnection> connection(PQconnectStart(place.connection.c_str()));
    if (!connection) throw std::bad_alloc();
    PQsetErrorVerbosity(connection.get(), PQERRORS_VERBOSE);  // brings the SQLSTATE
    auto status = PQstatus(connection.get()) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
    while (status == PGRES_POLLING_READING || status == PGRES_POLLING_WRITING) {
        if (std::chrono::steady_clock::now() > end) return trouble_of("08", "timeout: it does not answer");
        wait_for(connection.get(), status);
        status = PQconnectPoll(connection.get());
    }
    if (status == PGRES_POLLING_OK) return trouble_of("08", "it was away for a moment");
    const std::string_view message = PQerrorMessage(connection.get());
    if (const std::string_view state = state_in(message); !state.empty())
        return trouble_of(state, message.substr(static_cast<std::size_t>(state.data() - message.data()) + 7));
    if (PQconnectionNeedsPassword(connection.get()) != 0) return trouble_of("28", message);
    return trouble_of_libpq(message);
}

std::unique_ptr<soci::session> connected(const PostgresqlPlace& place) {
    try {
        return std::make_unique<soci::session>(soci::postgresql, place.connection);
    } catch (const soci::soci_error&) {
        throw_trouble(place.text(), connection_trouble(place));
    }
}

PGconn* connection_behind(soci::session& sql) {
    return static_cast<soci::postgresql_session_backend*>(sql.get_backend())->conn_;
}

}  // namespace

PostgresqlPlace parse_postgresql_place(const std::string& place) {
    const auto mark = place.find('#');
    std::string study(mark == std::string::npos ? default_study : std::string_view(place).substr(mark + 1));
    const Options options = parse_options(place.substr(0, mark));
    if (!option(options, "password").empty() || !option(options, "sslpassword").empty())
        throw StoreError(
            "the study's place holds a password, which everyone on this machine could read. Leave it out, change it, "
            "and put it into ~/.pgpass, or into the file that PGPASSFILE names");
    require_study_name(study);
    std::string schema = std::string(schema_prefix) + study;
    return {connection_of(options), database_text(options), std::move(study), std::move(schema)};
}

Dialect postgresql_dialect(const PostgresqlPlace& place) {
    // Each transaction names the schema anew, so that a pooler may give it another connection.
    const std::string use = use_schema(place);
    return {
        .identity = "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY",
        // That of the statement, which is one to the planner: with clock_timestamp() no index would help.
        .now = "CAST(EXTRACT(EPOCH FROM statement_timestamp()) AS DOUBLE PRECISION)",
        .read = {"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; " + use},
        // Also for what is no score: a claim that a crash took back could get no score any more.
        .write = {"BEGIN ISOLATION LEVEL READ COMMITTED; " + use},
        .write_surely = {"BEGIN ISOLATION LEVEL READ COMMITTED; " + use},
        .lightly = "SET LOCAL synchronous_commit TO off",
        .lock_row = " FOR UPDATE",
        .share_row = " FOR SHARE",
        .skip_locked = " FOR UPDATE SKIP LOCKED",
        .number_behind =
            [](const std::string& table) {
                return Dialect::Statements{"SELECT setval(pg_get_serial_sequence('" + table +
                                           "', 'id'), (SELECT COALESCE(MAX(id), 0) + 1 FROM " + table + "), false)"};
            },
        .check_place = [] {},
        .explain = explain_postgresql,
    };
}

std::unique_ptr<soci::session> connect_postgresql(const PostgresqlPlace& place) {
    return explained(place, [&] {
        auto session = connected(place);
        PGconn* const connection = connection_behind(*session);
        PQsetNoticeProcessor(
            connection, [](void*, const char*) {}, nullptr);
        if (PQserverVersion(connection) < oldest_server)
            throw StoreError(place.text() + ": the server is older than PostgreSQL " +
                             std::to_string(oldest_server / 10000) + ", which a study needs");
        return session;
    });
}

std::unique_ptr<Store> create_postgresql_study(const std::string& place, const Fill& fill) {
    const PostgresqlPlace parsed = parse_postgresql_place(place);
    const auto session = connect_postgresql(parsed);
    auto& sql = *session;
    const auto refuse_existing = [&] {
        throw StoreError(parsed.text() +
                         ": a study of this name is there already; it was left as it is. Resume it, or choose another "
                         "name after the #");
    };
    explained(parsed, [&] {
        if (schema_exists(sql, parsed)) refuse_existing();
        const Dialect dialect = postgresql_dialect(parsed);
        sql << "BEGIN";  // a study appears at once and whole
        try {
            sql << "CREATE SCHEMA \"" + parsed.schema + "\"";
        } catch (const soci::postgresql_soci_error& error) {  // another maker was faster
            if (error.sqlstate() == "42P06" || error.sqlstate() == "23505") refuse_existing();
            throw;
        }
        sql << use_schema(parsed);
        migrate(sql, dialect, 0);
        fill(sql, dialect);
        sql << "COMMIT";
    });
    return open_postgresql_study(place);
}

Connection connect_to_postgresql_study(const std::string& place) {
    const PostgresqlPlace parsed = parse_postgresql_place(place);
    auto session = connect_postgresql(parsed);
    explained(parsed, [&] {
        if (!schema_exists(*session, parsed)) refuse_missing(parsed);
        check_version(parsed, version_of(*session, parsed));
    });
    return {std::move(session), postgresql_dialect(parsed), parsed.text()};
}

std::unique_ptr<Store> open_postgresql_study(const std::string& place) {
    return make_sql_store(connect_to_postgresql_study(place));
}

std::unique_ptr<StudyView> open_postgresql_view(const std::string& place) {
    Connection connection = connect_to_postgresql_study(place);  // reading, its transactions are READ ONLY
    connection.dialect.read.emplace_back("SET LOCAL statement_timeout TO 30000");
    return make_sql_study_view(std::move(connection));
}

void upgrade_postgresql_study(const std::string& place) {
    const PostgresqlPlace parsed = parse_postgresql_place(place);
    const auto session = connect_postgresql(parsed);
    auto& sql = *session;
    explained(parsed, [&] {
        if (!schema_exists(sql, parsed)) refuse_missing(parsed);
        sql << "BEGIN";
        sql << use_schema(parsed);
        sql << "LOCK TABLE schema_version IN EXCLUSIVE MODE";  // another process may be faster
        const int version = stored_schema_version(sql);
        if (version < 1 || version > schema_version()) check_version(parsed, version);
        if (version < schema_version()) migrate(sql, postgresql_dialect(parsed), version);
        sql << "COMMIT";
    });
}

bool postgresql_study_exists(const std::string& place) {
    const PostgresqlPlace parsed = parse_postgresql_place(place);
    const auto session = connect_postgresql(parsed);
    return explained(parsed, [&] { return schema_exists(*session, parsed); });
}

std::vector<std::string> postgresql_studies(const std::string& place) {
    const PostgresqlPlace parsed = parse_postgresql_place(place);
    const auto session = connect_postgresql(parsed);
    return explained(parsed, [&] {
        std::vector<std::string> places;
        std::string schema;
        soci::statement schemas(*session);
        schemas.exchange(soci::into(schema));
        execute_one_time(schemas, "SELECT nspname FROM pg_namespace WHERE starts_with(nspname, 'normact_') ORDER BY 1");
        while (schemas.fetch()) places.push_back(parsed.database + "#" + schema.substr(schema_prefix.size()));
        return places;
    });
}

void delete_postgresql_study(const std::string& place) {
    const PostgresqlPlace parsed = parse_postgresql_place(place);
    const auto session = connect_postgresql(parsed);
    explained(parsed, [&] {
        if (!schema_exists(*session, parsed)) refuse_missing(parsed);
        *session << "DROP SCHEMA \"" + parsed.schema + "\" CASCADE";
    });
}

}  // namespace normact::results
