#pragma once

#include "tools/reevaluation.h"

#include <chrono>
#include <stop_token>
#include <string>

namespace normact::tools {

struct TrialWork {
    std::string study;  ///< its place
    int threads = 1;
    std::chrono::seconds lease{60};
    int maximum_attempts = 3;
};

/// Trains what the re-evaluation still needs, beside any number of other processes that do the same, until nothing is
/// left or a stop is requested; then what is in work is given back. Tells each value as it comes. A training that
/// throws is a failed attempt; one that diverges has the worst value, 0. A database that is away is waited
/// for. Throws what a thread throws that meets as many failures in a row as three trials have attempts, and what a
/// store throws.
void work(const Reevaluation& reevaluation, const TrialWork& how, const std::stop_token& stop);

}  // namespace normact::tools
