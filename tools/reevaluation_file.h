#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace normact::tools {

/// What `normact reevaluate --json` printed into a file, for a page to show. Throws UsageError for a file that holds
/// something else, std::runtime_error for one that can't be read.
nlohmann::ordered_json read_reevaluation(const std::string& file);

}  // namespace normact::tools
