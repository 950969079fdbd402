#include "results/counts.h"

namespace normact::results {

using soci::into;
using soci::use;

void add_to_funnel(soci::session& sql, WorkerId worker, const std::string& changes) {
    sql << "UPDATE counts SET " + changes + " WHERE part = " + std::to_string(worker % parts_of_funnel);
}

Funnel read_funnel(soci::session& sql) {
    std::string sums;
    for (const char* column :
         {"proposed", "invalid", "duplicate", "quality", "stability", "scored", "quarantined", "open"})
        sums += "CAST(COALESCE(SUM(" + std::string(column) + "), 0) AS BIGINT), ";
    long long proposed = 0, invalid = 0, duplicate = 0, quality = 0, stability = 0, scored = 0, quarantined = 0,
              open = 0, parts = 0, last = 0;
    auto has_last = soci::i_null;
    sql << "SELECT " + sums + "COUNT(*), (SELECT last FROM positions) FROM counts", into(proposed), into(invalid),
        into(duplicate), into(quality), into(stability), into(scored), into(quarantined), into(open), into(parts),
        into(last, has_last);
    if (parts != parts_of_funnel || has_last != soci::i_ok)
        throw StoreError("the study's counts are missing: restore the file from a copy");
    return {proposed, invalid, duplicate, quality, stability, scored, quarantined, open, last};
}

std::int64_t take_positions(soci::session& sql, std::int64_t count) {
    long long last = 0;
    const long long taken = count;
    sql << "UPDATE positions SET last = last + :taken RETURNING last", use(taken), into(last);
    return last;
}

}  // namespace normact::results
