#pragma once

#include "results/study_view.h"

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace normact::tools {

/// What `normact reevaluate --json` printed into a file, for a page about the study to show. Throws UsageError for a
/// file that holds something else or that tells of other candidates than the study's, std::runtime_error for one that
/// can't be read.
nlohmann::ordered_json read_reevaluation(const std::string& file, results::StudyView& study);

}  // namespace normact::tools
