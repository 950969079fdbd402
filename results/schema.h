#pragma once

#include "results/dialect.h"

#include <string>

namespace normact::results {

/// The version of the tables that this program reads and writes.
int schema_version();

/// Brings the tables from `version` (0: none are there) up to schema_version(), within the caller's transaction.
/// A new study takes the same steps as an old one, so that both end alike.
void migrate(soci::session& sql, const Dialect& dialect, int version);

/// The version of the tables that are there.
int stored_schema_version(soci::session& sql);

}  // namespace normact::results
