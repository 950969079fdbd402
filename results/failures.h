#pragma once

#include <soci/soci.h>

#include <cstdint>
#include <string>

namespace normact::results {

/// What is known of a layer's attempts when they have used it up, for people: what the last one said, or where it
/// stopped without a word, and how the log of its worker ended. Part of a store's transaction.
std::string why_attempts_failed(soci::session& sql, const std::string& fingerprint, int attempts);

/// Opens all quarantined layers for attempts anew, and returns how many that were.
std::int64_t reopen_quarantined(soci::session& sql);

}  // namespace normact::results
