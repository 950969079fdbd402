#pragma once

#include "results/dialect.h"
#include "results/store.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

// What a study knows of its workers. Parts of a store's transactions: each runs within the caller's.
namespace normact::results {

/// Notes that the worker is alive. Locks its row, so it comes after the rows of evaluations and before the funnel's.
/// Throws WorkerRefused if the worker may not work any more.
void note_sign_of_life(soci::session& sql, const Dialect& dialect, WorkerId worker);

/// Counts an evaluation of the worker. Otherwise as note_sign_of_life.
void note_result(soci::session& sql, const Dialect& dialect, WorkerId worker);

std::vector<WorkerStatus> read_workers(soci::session& sql, const Dialect& dialect, std::chrono::seconds seen_within);

/// Refuses the workers of the source. In a transaction before that of take_back: no result of theirs comes after it.
void refuse_workers(soci::session& sql, const Source& source);
/// Makes all evaluations and trials of the source open again, and returns how many of each.
TakenBack take_back(soci::session& sql, const Dialect& dialect, const Source& source);

/// The candidate that this worker may repeat to the last bit, and who scored it.
struct Repeatable {
    CandidateId candidate = 0;
    WorkerId found_by = 0;
};
std::optional<Repeatable> find_repeatable(soci::session& sql, const Worker& worker);

}  // namespace normact::results
