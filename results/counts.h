#pragma once

#include "results/store.h"

#include <soci/soci.h>

#include <string>

// How many candidates went which way, without counting. Parts of a store's transactions.
namespace normact::results {

/// So many rows share the counts, each worker has one of them: workers at once need not wait for each other's disk.
inline constexpr int parts_of_funnel = 32;

/// Changes the counts in the worker's row; `changes` as in "proposed = proposed + 1, open = open + 1".
void add_to_funnel(soci::session& sql, WorkerId worker, const std::string& changes);

/// Throws StoreError if the rows are missing.
Funnel read_funnel(soci::session& sql);

/// Takes the next positions of scored candidates, and returns the last of them. Comes last in a transaction: its lock
/// puts positions in the order in which they become visible.
std::int64_t take_positions(soci::session& sql, std::int64_t count);

}  // namespace normact::results
