#pragma once

#include "primitives/graph.h"
#include "proxy_tasks/outcome.h"
#include "results/store.h"
#include "tools/study_argument.h"

#include <nlohmann/json_fwd.hpp>

#include <string>

// The JSON that commands print, documented in docs/commands.md. A change of it is a change of what others rely on.
namespace normact::tools {

nlohmann::ordered_json to_json(const proxy_tasks::Score& score);
nlohmann::ordered_json to_json(const results::Funnel& funnel);
/// A candidate with its outcome, and its graph as a layer of the exchange format.
nlohmann::ordered_json to_json(const results::Candidate& candidate, const primitives::LayerSettings& settings);

/// A study and its best layers, best first: what `top` and `search` print.
nlohmann::ordered_json best_document(const std::string& format, const Study& study, int count);

/// The document as it is printed: indented, with a line end. Bytes that are no UTF-8 are replaced.
std::string printed(const nlohmann::ordered_json& document);

}  // namespace normact::tools
