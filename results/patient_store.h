#pragma once

#include "results/patience.h"
#include "results/store.h"
#include "results/undelivered.h"

#include <functional>
#include <memory>

namespace normact::results {

/// A store that waits for its database: what throws StoreUnavailable is tried again, over a new connection, until it
/// works or a stop is requested. Then StoreUnavailable goes to the caller. What was recorded although the answer was
/// lost is seen at the second try: an outcome as recorded already, a claim as a duplicate that returns after a lease.
///
/// Outcomes that can't be recorded at once are kept in `undelivered` until they are.
std::unique_ptr<Store> make_patient_store(std::function<std::unique_ptr<Store>()> open, Patience patience,
                                          std::shared_ptr<const Undelivered> undelivered);

}  // namespace normact::results
