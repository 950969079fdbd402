#pragma once

#include "results/store.h"

#include <soci/soci.h>

#include <cstdint>
#include <string>

namespace normact::results {

// Parts of a store's transactions.

/// Quarantines a layer whose attempts are used up, with what is known of them, for people: what the last one said, or
/// where it stopped without a word, and how the log of its worker ended. `worker` is who found that.
void quarantine(soci::session& sql, WorkerId worker, const std::string& fingerprint, int attempts);

/// Opens all quarantined layers for attempts anew, and returns how many that were.
std::int64_t reopen_quarantined(soci::session& sql);

}  // namespace normact::results
