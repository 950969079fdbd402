#pragma once

#include "tools/reevaluation.h"

#include <nlohmann/json_fwd.hpp>

#include <cstddef>
#include <optional>
#include <string>

// What a re-evaluation has found so far, for people and for programs: docs/reevaluate.md says how to read it.
namespace normact::tools {

/// Tables, best layer first, cut to the width if there is one.
std::string for_people(const Reevaluation& reevaluation, const KnownTrials& known, std::optional<std::size_t> width);

/// The document "normact/reevaluate" of docs/commands.md.
nlohmann::ordered_json document(const Reevaluation& reevaluation, const KnownTrials& known, const std::string& study);

}  // namespace normact::tools
