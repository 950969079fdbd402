#pragma once

#include "results/store.h"

#include <memory>
#include <string>

namespace normact::results {

// A study's place is the path of a file (SQLite), or what names a study in PostgreSQL:
//     postgresql://HOST/DATABASE#NAME     or     service=SERVICE#NAME
// SERVICE is one of pg_service.conf; without #NAME the study is called "study". Passwords come from PostgreSQL's own
// places (PGPASSFILE, ~/.pgpass, PGPASSWORD, the service): a place that holds one is refused.

/// Makes a study. Throws StoreError if one is there already.
std::unique_ptr<Store> create_study(const std::string& place, const std::string& configuration);
/// Opens a study; older schemas are migrated. Throws StoreError.
std::unique_ptr<Store> open_study(const std::string& place);
/// True if something is there.
bool study_exists(const std::string& place);

/// True if the place is one in PostgreSQL.
bool is_in_postgresql(const std::string& place);

}  // namespace normact::results
