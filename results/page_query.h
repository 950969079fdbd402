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
/// most_rows_a_page rows are looked at, so that no page takes longer in a larger study.
PageIds read_page(soci::session& sql, const CandidateQuery& query);

}  // namespace normact::results
