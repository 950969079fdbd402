#pragma once

#include "evaluator/program.h"

#include <set>
#include <vector>

namespace normact::evaluator {

/// Which values a pass should read back from an earlier pass over the same block, so that it computes no exp, log,
/// sigmoid or tanh again: those functions themselves or what the pass makes of them, whichever are fewer.
/// `results`: what the pass adds up and stores; `earlier`: what earlier passes compute, with all that it is made of.
std::set<ValueId> values_to_keep(const Program& program, const std::vector<ValueId>& results,
                                 const std::set<ValueId>& earlier);

}  // namespace normact::evaluator
