#pragma once

#include "results/dialect.h"
#include "results/store.h"

#include <memory>
#include <string>

namespace normact::results {

/// Throws StoreUnavailable for what passes, StoreError for what does not. `place` names the study.
[[noreturn]] void throw_trouble(const std::string& place, const Trouble& trouble);

struct Connection;  // transactions.h

/// The store over any database that SOCI speaks to. The tables are there and of the present version; `place` names the
/// study in messages.
std::unique_ptr<Store> make_sql_store(std::unique_ptr<soci::session> session, Dialect dialect, std::string place);
std::unique_ptr<Store> make_sql_store(Connection connection);

}  // namespace normact::results
