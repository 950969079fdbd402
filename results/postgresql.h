#pragma once

#include "results/dialect.h"
#include "results/store.h"
#include "results/study_view.h"
#include "results/transactions.h"

#include <memory>
#include <string>
#include <vector>

namespace normact::results {

/// A study in PostgreSQL: a schema of its own in a database.
struct PostgresqlPlace {
    std::string connection;  ///< what libpq connects with
    std::string database;    ///< as messages name it: "postgresql://host/database"
    std::string study;       ///< its name
    std::string schema;      ///< "normact_" and its name

    std::string text() const { return database + "#" + study; }
};

/// Throws StoreError for what libpq can't read, for a name that is none, and for a place with a password in it.
PostgresqlPlace parse_postgresql_place(const std::string& place);

Dialect postgresql_dialect(const PostgresqlPlace& place);

/// Throws StoreUnavailable where the server is away, StoreError where it refuses.
std::unique_ptr<soci::session> connect_postgresql(const PostgresqlPlace& place);

/// As in study.h.
std::unique_ptr<Store> create_postgresql_study(const std::string& place, const Fill& fill);
std::unique_ptr<Store> open_postgresql_study(const std::string& place);
/// What open_postgresql_study works through.
Connection connect_to_postgresql_study(const std::string& place);
std::unique_ptr<StudyView> open_postgresql_view(const std::string& place);
bool postgresql_study_exists(const std::string& place);

/// The places of all studies in the database of this one, in alphabetical order.
std::vector<std::string> postgresql_studies(const std::string& place);
/// Brings a study of an older release up to date. No worker of that release may be at work. Throws StoreError.
void upgrade_postgresql_study(const std::string& place);
/// Removes a study for good. Throws StoreError if there is none.
void delete_postgresql_study(const std::string& place);

}  // namespace normact::results
