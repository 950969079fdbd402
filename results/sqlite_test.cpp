#include "results/sqlite.h"

#include "results/store_conformance.h"
#include "results/study_file.h"

namespace normact::results {
namespace {

INSTANTIATE_TEST_SUITE_P(Sqlite, StoreConformance, testing::Values(sqlite_backend()), name_of_backend);

}  // namespace
}  // namespace normact::results
