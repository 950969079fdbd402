#pragma once

#include "primitives/hash.h"

#include <cstdint>

namespace normact::proxy_tasks {

/// Whether a layer that a filter rejects is fully scored all the same, so that the filters can be judged. A share of
/// all layers, from 0 to 1, drawn from (study's seed, layer): the same on every worker and in every release. A larger
/// share holds all layers of a smaller one.
bool is_audited(double share, std::uint64_t study_seed, const primitives::Hash128& layer);

}  // namespace normact::proxy_tasks
