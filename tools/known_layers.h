#pragma once

#include "results/study_view.h"

#include <nlohmann/json_fwd.hpp>

#include <span>

namespace normact::tools {

/// The layers of the catalogue that the study came upon, by their function: "name", "candidate" (the first), "state",
/// "mean" (null unless trained to the end) and "rank" among the scored layers `points`. The best first.
nlohmann::ordered_json known_layers(results::StudyView& view, std::span<const results::ScoredPoint> points);

}  // namespace normact::tools
