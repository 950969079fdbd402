#pragma once

#include "results/dialect.h"
#include "results/store.h"

#include <string>

namespace normact::results {

/// Records what became of an evaluation, as Store::finish does, as a part of the caller's transaction. False if there
/// was an outcome already. Throws StoreError if no candidate has this fingerprint, WorkerRefused.
bool record_outcome(soci::session& sql, const Dialect& dialect, WorkerId worker, const std::string& fingerprint,
                    const proxy_tasks::Outcome& outcome);

}  // namespace normact::results
