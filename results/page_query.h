#pragma once

#include "results/dialect.h"
#include "results/study_view.h"

#include <optional>
#include <vector>

namespace normact::results {

struct PageIds {
    std::vector<CandidateId> ids;
    std::optional<PagePosition> next;
};

/// The ids of a page's candidates, within the caller's transaction. Pages begin behind a key of an index, and at most
/// `most_rows` rows are looked at, so that no page takes longer in a larger study.
PageIds read_page(soci::session& sql, const CandidateQuery& query, std::int64_t most_rows = most_rows_a_page);

}  // namespace normact::results
