#include "results/counts.h"

#include "results/one_time.h"

#include <array>

namespace normact::results {

using soci::into;
using soci::use;

void add_to_funnel(soci::session& sql, WorkerId worker, const std::string& changes) {
    sql << "UPDATE counts SET " + changes + " WHERE part = " + std::to_string(worker % parts_of_funnel);
}

Funnel read_funnel(soci::session& sql) {
    std::string sums;
    std::array<long long, funnel_counts.size()> counts{};
    long long parts = 0, last = 0;
    auto has_last = soci::i_null;
    soci::statement statement(sql);
    for (std::size_t i = 0; i < funnel_counts.size(); ++i) {
        sums += "CAST(COALESCE(SUM(" + std::string(funnel_counts[i].name) + "), 0) AS BIGINT), ";
        statement.exchange(into(counts[i]));
    }
    statement.exchange(into(parts));
    statement.exchange(into(last, has_last));
    execute_one_time(statement, "SELECT " + sums + "COUNT(*), (SELECT last FROM positions) FROM counts");
    statement.fetch();
    if (parts != parts_of_funnel || has_last != soci::i_ok)
        throw StoreError("the study's counts are missing: restore the file from a copy");
    Funnel funnel;
    for (std::size_t i = 0; i < funnel_counts.size(); ++i) funnel.*funnel_counts[i].count = counts[i];
    funnel.last_position = last;
    return funnel;
}

std::int64_t take_positions(soci::session& sql, std::int64_t count) {
    long long last = 0;
    const long long taken = count;
    sql << "UPDATE positions SET last = last + :taken RETURNING last", use(taken), into(last);
    return last;
}

}  // namespace normact::results
