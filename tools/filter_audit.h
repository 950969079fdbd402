#pragma once

#include "results/false_rejections.h"

#include <nlohmann/json_fwd.hpp>

#include <string>

// What the audit of a study's filters found, for people and for programs.
namespace normact::tools {

/// A table of the filters and what it means; empty if no layer was audited.
std::string audit_text(const results::FalseRejections& found);

nlohmann::ordered_json to_json(const results::FalseRejections& found);

}  // namespace normact::tools
