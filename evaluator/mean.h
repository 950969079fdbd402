#pragma once

#include "evaluator/value.h"
#include "primitives/primitive.h"

namespace normact::evaluator {

/// The mean of a value over an index set, broadcast lazily: [1,C,1,1] for batch, [N,C,1,1] for instance and group,
/// [N,1,1,1] for layer. `groups` is the number of groups; it must divide the channels of the value, or the value is
/// constant over channels. Dimensions over which the value is constant already are left as they are.
Value mean(const Value& value, primitives::IndexSet set, int groups);

}  // namespace normact::evaluator
