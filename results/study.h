#pragma once

#include "results/store.h"
#include "results/trials.h"

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
/// The trials of a study. Throws as open_study does.
std::unique_ptr<TrialStore> open_trials(const std::string& place);
/// True if something is there.
bool study_exists(const std::string& place);

/// Removes a study for good. No worker may be at work. Throws StoreError if there is none.
void delete_study(const std::string& place);
/// Brings a study of an older release up to date. In PostgreSQL this is not done unasked: workers of that release may
/// be at work. Throws StoreError.
void upgrade_study(const std::string& place);

/// Throws StoreError for a place that can't be one, such as one with a password in it. Connects to nothing.
void check_place(const std::string& place);

/// True if the place is one in PostgreSQL.
bool is_in_postgresql(const std::string& place);

}  // namespace normact::results
