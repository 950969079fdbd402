#pragma once

#include "proxy_tasks/scorer.h"
#include "results/store.h"
#include "search/configuration.h"

#include <stop_token>

namespace normact::tools {

/// Repeats a known score, if there is one by a worker of this engine, device and build, before this worker may add any.
/// Throws std::runtime_error if it comes out otherwise: then the study keeps a note of the refusal.
void repeat_known_score(results::Store& store, const search::Configuration& configuration,
                        const proxy_tasks::Scorer& scorer, const std::stop_token& stop);

}  // namespace normact::tools
