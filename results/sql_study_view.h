#pragma once

#include "results/study_view.h"
#include "results/transactions.h"

#include <memory>

namespace normact::results {

/// The view over any database that SOCI speaks to. The session refuses to write.
std::unique_ptr<StudyView> make_sql_study_view(Connection connection);

}  // namespace normact::results
