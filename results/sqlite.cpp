#include "results/sqlite.h"

#include "results/schema.h"
#include "results/sql_store.h"
#include "results/sql_study_view.h"
#include "results/transactions.h"

#include <soci/sqlite3/soci-sqlite3.h>
#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <random>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace normact::results {
namespace fs = std::filesystem;
namespace {

constexpr int seconds_to_wait_for_a_lock = 60;
/// The one writer at a time; a later change from reading to writing could fail.
constexpr const char* begin_writing = "BEGIN IMMEDIATE";

struct Advice {
    int code;
    std::string_view text;
};
constexpr auto advices = std::to_array<Advice>({
    {SQLITE_NOTADB, "this is not a study's database; the file was left as it is. Choose another path"},
    {SQLITE_CORRUPT,
     "the file is damaged. Move it away together with FILE-wal and FILE-shm, then restore it from a copy, or "
     "try: sqlite3 FILE .recover"},
    {SQLITE_FULL, "the disk is full. Make room: what was recorded is safe"},
    {SQLITE_READONLY,
     "the file or its folder is read-only. Make both writable, or copy the file elsewhere; what was recorded is safe"},
    {SQLITE_CANTOPEN,
     "the file can't be opened. Its folder must exist and be writable: SQLite keeps two files beside it"},
    {SQLITE_IOERR,
     "reading or writing the file failed (full disk, file size limit or faulty disk). What was recorded "
     "is safe"},
    {SQLITE_BUSY,
     "another process has kept the database locked for a minute. See who uses the file; what was recorded is safe"},
    {SQLITE_PERM, "access to the file is denied. Make it readable and writable"},
    {SQLITE_AUTH, "access to the file is denied. Make it readable and writable"},
});

/// The file that lies at the path; nothing if there is none.
std::optional<std::pair<dev_t, ino_t>> file_at(const std::string& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 ? std::optional(std::pair(status.st_dev, status.st_ino)) : std::nullopt;
}

/// Throws StoreError with this advice once the opened file lies at the path no more.
std::function<void()> stays_in_place(const std::string& path, const std::optional<std::pair<dev_t, ino_t>>& opened,
                                     const std::string& advice) {
    return [path, opened, advice] {
        if (!opened || file_at(path) != opened)
            throw StoreError("the file was moved, removed or replaced while it was in use" + advice);
    };
}

/// An open file takes what is written also after it was removed, and then all is lost.
constexpr const char* advice_to_writers =
    ", and what was recorded went with it. Put it back under its name, with its -wal and -shm beside it; if it is "
    "gone, start another study";
constexpr const char* advice_to_readers = ". Put it back under its name";

Trouble explain_sqlite(const soci::soci_error& error) {
    if (const auto* sqlite = dynamic_cast<const soci::sqlite3_soci_error*>(&error))
        for (const auto& advice : advices)
            if (advice.code == (sqlite->result() & 0xff)) return {std::string(advice.text)};
    return {std::string("the database refused: ") + error.what()};
}

/// Runs `body` with SQLite's errors turned into StoreError.
template <class Body>
auto explained(const std::string& path, Body body) {
    try {
        return body();
    } catch (const soci::soci_error& error) {
        throw StoreError(path + ": " + explain_sqlite(error).advice);
    }
}

std::unique_ptr<soci::session> connected(const std::string& path, const std::string& options) {
    const auto whole = fs::absolute(path).string();  // ":memory:" and "file:…" alone would be no paths to SQLite
    if (whole.find('"') != std::string::npos) throw StoreError(whole + ": a study's path can't hold a quotation mark");
    auto session = std::make_unique<soci::session>(
        soci::sqlite3, "dbname=\"" + whole + "\" timeout=" + std::to_string(seconds_to_wait_for_a_lock) + options);
    *session << "PRAGMA trusted_schema = OFF";  // the file may come from anyone
    *session << "PRAGMA cell_size_check = ON";  // finds damaged pages before they are used
    return session;
}

/// The version of the study's tables. Throws StoreError unless the file is a study that this program knows, or an older
/// one.
int checked_version(soci::session& sql, const std::string& path) {
    int application = 0;
    sql << "PRAGMA application_id", soci::into(application);
    if (application != sqlite_application_id)
        throw StoreError(path +
                         ": this is another program's database or empty, not a study; it was left as it is. "
                         "Choose another path");
    const int version = stored_schema_version(sql);
    if (version > schema_version())
        throw StoreError(path + ": the study was made by a newer normact (format " + std::to_string(version) +
                         "; this one knows up to " + std::to_string(schema_version()) + "). Update normact");
    if (version < 1) throw StoreError(path + ": the file is damaged: its format is unknown. Restore it from a copy");
    return version;
}

void check_and_migrate(soci::session& sql, const std::string& path) {
    if (checked_version(sql, path) == schema_version()) return;
    sql << begin_writing;
    const int version = stored_schema_version(sql);  // another process may have been faster
    if (version < schema_version()) migrate(sql, sqlite_dialect(), version);
    sql << "COMMIT";
}

/// Makes a whole study in a new file.
void fill_new_file(const std::string& path, const Fill& fill) {
    const auto session = connect_sqlite(path);
    auto& sql = *session;
    const auto dialect = sqlite_dialect();
    sql << "PRAGMA application_id = " + std::to_string(sqlite_application_id);
    sql << begin_writing;
    migrate(sql, dialect, 0);
    fill(sql, dialect);
    sql << "COMMIT";
    std::string mode;  // readers and one writer at once; it stays with the file
    sql << "PRAGMA journal_mode = WAL", soci::into(mode);
}

/// SQLite keeps files with these endings beside its own.
constexpr auto endings = std::to_array<std::string_view>({"", "-wal", "-shm", "-journal"});

/// True if a file begins as those of SQLite do.
bool is_database(const std::string& path) {
    constexpr std::string_view mark = "SQLite format 3";
    std::array<char, mark.size()> begin{};
    std::ifstream file(path, std::ios::binary);
    return file.read(begin.data(), begin.size()) && std::string_view(begin.data(), begin.size()) == mark;
}

constexpr std::string_view draft_mark = ".new-";  // and a number: what a study is called while it is made

/// A file of its own beside the path that goes away with this object, with those that SQLite keeps beside it.
class NewFile {
  public:
    explicit NewFile(const std::string& path)
        : path_(path + std::string(draft_mark) + std::to_string(std::random_device()())) {}
    ~NewFile() {
        std::error_code ignored;
        for (const auto ending : endings) fs::remove(path_ + std::string(ending), ignored);
    }
    NewFile(const NewFile&) = delete;
    NewFile& operator=(const NewFile&) = delete;
    const std::string& path() const { return path_; }

  private:
    std::string path_;
};

/// True if a file of this name is a draft of the study at the path, or SQLite's beside one.
bool is_draft(std::string_view name, const std::string& path) {
    const std::string start = fs::path(path).filename().string() + std::string(draft_mark);
    if (!name.starts_with(start)) return false;
    name.remove_prefix(start.size());
    const auto digits = std::min(name.find_first_not_of("0123456789"), name.size());
    return digits > 0 && std::ranges::find(endings, name.substr(digits)) != endings.end();
}

/// Removes the drafts of makers that were killed. Making takes well under a second: younger ones may be in work.
void remove_old_drafts(const std::string& path) {
    const auto latest = fs::file_time_type::clock::now() - std::chrono::hours(1);
    const auto folder = fs::path(path).has_parent_path() ? fs::path(path).parent_path() : fs::path(".");
    std::error_code ignored;
    for (fs::directory_iterator entry(folder, ignored), end; entry != end; entry.increment(ignored))
        if (is_draft(entry->path().filename().string(), path) && entry->last_write_time(ignored) < latest)
            fs::remove(entry->path(), ignored);
}

[[noreturn]] void refuse_existing(const std::string& path) {
    throw StoreError(path + ": something is there already; it was left as it is. Resume it, or choose another path");
}

/// SQLite would read them as parts of the new study, and spoil both.
void refuse_leftovers(const std::string& path) {
    std::string leftovers;
    for (const auto ending : endings)
        if (const std::string leftover = path + std::string(ending); !ending.empty() && sqlite_study_exists(leftover))
            leftovers += (leftovers.empty() ? "" : " and ") + leftover;
    if (leftovers.empty()) return;
    if (sqlite_study_exists(path)) refuse_existing(path);  // another maker was faster
    throw StoreError(leftovers +
                     ": left of a study that was moved or removed without that, which may hold its newest scores. Put "
                     "that study back under its name, or remove " +
                     leftovers + ", or choose another path");
}

/// The names of drafts and of SQLite's files must fit, too.
void refuse_long_name(const std::string& path) {
    constexpr std::size_t longest_name = 220, longest_path = 470;
    const auto refuse = [&](const char* what, std::size_t bytes, std::size_t longest) {
        throw StoreError(path + ": the " + what + " has " + std::to_string(bytes) + " bytes; a study's may have " +
                         std::to_string(longest));
    };
    const auto name = fs::path(path).filename().string(), whole = fs::absolute(path).string();
    if (name.size() > longest_name) refuse("name", name.size(), longest_name);
    if (whole.size() > longest_path) refuse("whole path", whole.size(), longest_path);
}

/// Gives the draft its name unless something has that name: at once and whole.
void publish(const std::string& draft, const std::string& path) {
    if (::link(draft.c_str(), path.c_str()) == 0) return;
    if (errno == EEXIST) refuse_existing(path);
    // FAT, exFAT and some network drives know no links.
    if (::renameat2(AT_FDCWD, draft.c_str(), AT_FDCWD, path.c_str(), RENAME_NOREPLACE) == 0) return;
    if (errno == EEXIST) refuse_existing(path);
    throw StoreError(path + ": can't be made: " + std::strerror(errno) +
                     ". Its drive may lack what a study needs; choose a path on another one");
}

/// Throws StoreError unless a file lies at the path.
void require_file(const std::string& path) {
    std::error_code error;
    const auto type = fs::status(path, error).type();
    if (type == fs::file_type::none) throw StoreError(path + ": can't be opened: " + error.message());
    if (type == fs::file_type::not_found)
        throw StoreError(path + (sqlite_study_exists(path)
                                     ? ": this is a link to a file that is not there. Remove the link, or "
                                       "put the file there"
                                     : ": there is no study. Start one with: normact search"));
    if (type != fs::file_type::regular) throw StoreError(path + ": this is not a file");
}

Connection open(const std::string& path) {
    auto dialect = sqlite_dialect();
    // Before SQLite opens it: it may go at any moment.
    dialect.check_place = stays_in_place(path, file_at(path), advice_to_writers);
    auto session = connect_sqlite(path);
    check_and_migrate(*session, path);
    return {std::move(session), std::move(dialect), path};
}

}  // namespace

Dialect sqlite_dialect() {
    return {
        .identity = "INTEGER PRIMARY KEY",
        // Days to seconds; a double holds this date to some 40 microseconds, SQLite's clock ticks in milliseconds.
        .now = "((julianday('now') - 2440587.5) * 86400.0)",
        .read = {"BEGIN"},
        .write = {"PRAGMA synchronous = NORMAL", begin_writing},
        .write_surely = {"PRAGMA synchronous = FULL", begin_writing},
        .lightly = "",
        .lock_row = "",
        .share_row = "",
        .skip_locked = "",
        .number_behind = [](const std::string&) { return Dialect::Statements(); },
        .check_place = [] {},
        .explain = explain_sqlite,
    };
}

std::unique_ptr<soci::session> connect_sqlite(const std::string& path) {
    auto session = connected(path, "");
    *session << "PRAGMA foreign_keys = ON";
    return session;
}

std::unique_ptr<soci::session> connect_sqlite_to_look(const std::string& path) {
    auto session = connected(path, " readonly=true");
    *session << "PRAGMA query_only = ON";
    return session;
}

bool sqlite_study_exists(const std::string& path) {
    std::error_code error;
    return fs::exists(fs::symlink_status(path, error));
}

std::unique_ptr<Store> create_sqlite_study(const std::string& path, const Fill& fill) {
    if (sqlite_study_exists(path)) refuse_existing(path);
    refuse_leftovers(path);
    refuse_long_name(path);
    return explained(path, [&] {
        remove_old_drafts(path);
        // A study appears under its name at once and whole: a kill leaves none, and of two makers one fails.
        const NewFile file(path);
        fill_new_file(file.path(), fill);
        publish(file.path(), path);
        return make_sql_store(open(path));
    });
}

bool belongs_to_a_database(const std::string& path) {
    return std::ranges::any_of(endings, [&](std::string_view ending) {
        return path.ends_with(ending) && is_database(path.substr(0, path.size() - ending.size()));
    });
}

void delete_sqlite_study(const std::string& path) {
    open_sqlite_study(path);  // not another program's file
    for (const auto ending : endings) {
        std::error_code error;
        if (!fs::remove(path + std::string(ending), error) && error)
            throw StoreError(path + std::string(ending) + ": can't be removed: " + error.message());
    }
}

Connection connect_to_sqlite_study(const std::string& path) {
    require_file(path);
    return explained(path, [&] { return open(path); });
}

std::unique_ptr<Store> open_sqlite_study(const std::string& path) {
    return make_sql_store(connect_to_sqlite_study(path));
}

std::unique_ptr<StudyView> open_sqlite_view(const std::string& path) {
    require_file(path);
    return explained(path, [&] {
        auto dialect = sqlite_dialect();
        dialect.check_place = stays_in_place(path, file_at(path), advice_to_readers);
        auto session = connect_sqlite_to_look(path);
        if (checked_version(*session, path) != schema_version())
            throw StoreError(path +
                             ": the study was made by an older normact. Bring it up to date: normact study upgrade "
                             "--study " +
                             path);
        return make_sql_study_view({std::move(session), std::move(dialect), path});
    });
}

}  // namespace normact::results
