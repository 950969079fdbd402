#include "results/sqlite.h"

#include "results/store_conformance.h"
#include "results/study_file.h"

namespace normact::results {
namespace {

INSTANTIATE_TEST_SUITE_P(Sqlite, StoreConformance,
                         testing::Values(Backend{"Sqlite",
                                                 [](const std::string& configuration) {
                                                     return std::make_unique<StudyFile>(configuration);
                                                 }}),
                         [](const auto& instance) { return instance.param.name; });

}  // namespace
}  // namespace normact::results
