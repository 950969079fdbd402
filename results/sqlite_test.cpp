#include "results/sqlite.h"

#include "results/history_conformance.h"
#include "results/leases_conformance.h"
#include "results/study_file.h"
#include "results/trials_conformance.h"
#include "results/workers_conformance.h"

namespace normact::results {
namespace {

INSTANTIATE_TEST_SUITE_P(Sqlite, StoreConformance, testing::Values(sqlite_backend()), name_of_backend);
INSTANTIATE_TEST_SUITE_P(Sqlite, HistoryConformance, testing::Values(sqlite_backend()), name_of_backend);
INSTANTIATE_TEST_SUITE_P(Sqlite, TrialConformance, testing::Values(sqlite_backend()), name_of_backend);
INSTANTIATE_TEST_SUITE_P(Sqlite, LeasesConformance, testing::Values(sqlite_backend()), name_of_backend);
INSTANTIATE_TEST_SUITE_P(Sqlite, WorkersConformance, testing::Values(sqlite_backend()), name_of_backend);

}  // namespace
}  // namespace normact::results
