#include "tools/filter_audit.h"

#include "tools/candidates.h"
#include "tools/table.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <vector>

namespace normact::tools {
namespace {

using Json = nlohmann::ordered_json;

constexpr double per_cent = 100;

std::string interval_text(const results::Proportion& share) {
    if (share.of == 0) return "-";
    return fmt::format("{:.1f}% ({:.1f} to {:.1f}%)",
                       per_cent * static_cast<double>(share.count) / static_cast<double>(share.of),
                       per_cent * share.low, per_cent * share.high);
}

Json to_json(const results::Proportion& share) {
    return {{"count", share.count},
            {"rate", share.of == 0 ? Json() : Json(static_cast<double>(share.count) / static_cast<double>(share.of))},
            {"low", share.low},
            {"high", share.high}};
}

Json or_null(const std::optional<double>& value) { return value ? Json(*value) : Json(); }

}  // namespace

std::string audit_text(const results::FalseRejections& found) {
    if (found.audited() == 0) return "";
    using enum Column::Side;
    std::vector<std::vector<std::string>> rows;
    for (const results::FilterAudit& filter : found.filters)
        rows.push_back({std::string(results::name(filter.filter)), fmt::to_string(filter.rejected),
                        fmt::to_string(filter.audited), interval_text(filter.false_rejections),
                        filter.as_good_as_best.of > 0 ? fmt::to_string(filter.as_good_as_best.count) : "-",
                        filter.best ? accuracy_text(*filter.best) : "-"});
    const std::string table = aligned({{"filter"},
                                       {"rejected", right},
                                       {"audited", right},
                                       {"false rejections (95%)", right},
                                       {fmt::format("in the best {}", results::FalseRejections::best_rank), right},
                                       {"best audited", right}},
                                      rows);
    if (!found.median) return table + "Nothing to compare with yet: no layer is scored.\n";
    return table + fmt::format(
                       "A rejection is false where the layer, trained in full all the same, reaches the median "
                       "scored layer, {}.\n",
                       accuracy_text(*found.median));
}

Json to_json(const results::FalseRejections& found) {
    Json filters = Json::array();
    for (const results::FilterAudit& filter : found.filters)
        filters.push_back({{"filter", results::name(filter.filter)},
                           {"rejected", filter.rejected},
                           {"audited", filter.audited},
                           {"false_rejections", to_json(filter.false_rejections)},
                           {"as_good_as_best", to_json(filter.as_good_as_best)},
                           {"best", or_null(filter.best)}});
    return {{"median", or_null(found.median)},
            {"best_rank", results::FalseRejections::best_rank},
            {"accuracy_at_best_rank", or_null(found.accuracy_of_best)},
            {"filters", filters}};
}

}  // namespace normact::tools
