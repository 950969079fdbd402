#pragma once

#include "results/store.h"
#include "results/transactions.h"

#include <memory>
#include <string>

namespace normact::results {

/// The store over any database that SOCI speaks to. The tables are there and of the present version; `place` names the
/// study in messages.
std::unique_ptr<Store> make_sql_store(std::unique_ptr<soci::session> session, Dialect dialect, std::string place);
std::unique_ptr<Store> make_sql_store(Connection connection);

}  // namespace normact::results
