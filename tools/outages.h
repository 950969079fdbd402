#pragma once

#include "results/patience.h"

#include <stop_token>
#include <string>

namespace normact::tools {

/// How threads of this program wait for a database that is away: one line when it goes, ending in what becomes of work
/// `meanwhile`, and one when it is back, however many threads hold a copy.
results::Patience patience(const std::stop_token& stop, const std::string& meanwhile);

}  // namespace normact::tools
