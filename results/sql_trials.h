#pragma once

#include "results/transactions.h"
#include "results/trials.h"

#include <memory>

namespace normact::results {

/// The trials of a study over any database that SOCI speaks to.
std::unique_ptr<TrialStore> make_sql_trials(Connection connection);

}  // namespace normact::results
