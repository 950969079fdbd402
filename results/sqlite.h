#pragma once

#include "results/dialect.h"

#include <memory>
#include <string>

namespace normact::results {

Dialect sqlite_dialect();

/// Marks our files among SQLite's: "nmac" in the file's header (PRAGMA application_id).
inline constexpr int sqlite_application_id = 0x6e6d6163;

/// Connects to the file with the settings that every user of a study needs. Makes the file if there is none.
std::unique_ptr<soci::session> connect_sqlite(const std::string& path);

}  // namespace normact::results
