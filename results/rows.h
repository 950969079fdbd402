#pragma once

#include "results/dialect.h"
#include "results/store.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace normact::results {

/// The graph as the column holds it, and back. Reading throws StoreError that names the candidate's row.
std::string graph_column(const primitives::LayerGraph& graph);
primitives::LayerGraph read_graph(const std::string& column, CandidateId candidate);

/// A hash column back. Throws StoreError that names the candidate's row.
primitives::Hash128 read_hash(const std::string& column, CandidateId candidate);

/// The candidates that a query selects, with their outcomes. `selection` is a SELECT of the columns `chosen` (an id)
/// and `place` (ascending order). What the tables hold is not trusted: a row that makes no sense is a StoreError.
std::vector<Candidate> read_candidates(soci::session& sql, const std::string& selection);

/// The mean accuracy of the scored layer at this rank, 1 being the best; nothing if there are fewer.
std::optional<double> read_accuracy_at_rank(soci::session& sql, std::int64_t rank);

/// The audited layers by filter and accuracy. Throws StoreError as above.
std::vector<Audit> read_audits(soci::session& sql);

}  // namespace normact::results
