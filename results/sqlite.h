#pragma once

#include "results/dialect.h"
#include "results/store.h"
#include "results/study_view.h"
#include "results/transactions.h"

#include <memory>
#include <string>

namespace normact::results {

Dialect sqlite_dialect();

/// Marks our files among SQLite's: "nmac" in the file's header (PRAGMA application_id).
inline constexpr int sqlite_application_id = 0x6e6d6163;

/// Studies in SQLite files: as in study.h.
std::unique_ptr<Store> create_sqlite_study(const std::string& path, const Fill& fill);
std::unique_ptr<Store> open_sqlite_study(const std::string& path);
void delete_sqlite_study(const std::string& path);
bool sqlite_study_exists(const std::string& path);
/// True if the file is a database of SQLite, whosever it is, or would be one of those that SQLite keeps beside one.
bool belongs_to_a_database(const std::string& path);
/// What open_sqlite_study works through.
Connection connect_to_sqlite_study(const std::string& path);
/// As open_study_view.
std::unique_ptr<StudyView> open_sqlite_view(const std::string& path);

/// Connects to the file with the settings that every user of a study needs. Makes the file if there is none.
std::unique_ptr<soci::session> connect_sqlite(const std::string& path);
/// Connects to a file that is there. The connection refuses to write.
std::unique_ptr<soci::session> connect_sqlite_to_look(const std::string& path);

}  // namespace normact::results
