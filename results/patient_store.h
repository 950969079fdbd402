#pragma once

#include "results/store.h"
#include "results/undelivered.h"

#include <chrono>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>

namespace normact::results {

/// How a database that is away is waited for.
struct Patience {
    std::chrono::milliseconds first_pause{500};  ///< doubles up to the longest one, and varies by a quarter
    std::chrono::milliseconds longest_pause{30'000};
    std::stop_token stop;  ///< ends the waiting
    /// Told once when the database goes away, with the reason, and once when it is back, with an empty text.
    std::function<void(const std::string&)> tell;
    /// Told once of each outcome that finds no room on the disk meanwhile.
    std::function<void(const std::string&)> warn;
};

/// A store that waits for its database: what throws StoreUnavailable is tried again, over a new connection, until it
/// works or a stop is requested. Then StoreUnavailable goes to the caller. What was recorded although the answer was
/// lost is seen at the second try: an outcome as recorded already, a claim as a duplicate that returns after a lease.
///
/// Outcomes that can't be recorded at once are kept in `undelivered` until they are.
std::unique_ptr<Store> make_patient_store(std::function<std::unique_ptr<Store>()> open, Patience patience,
                                          std::shared_ptr<const Undelivered> undelivered);

}  // namespace normact::results
