#include "results/false_rejections.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string_view>

namespace normact::results {
namespace {

using proxy_tasks::Rejection;

/// The share that is as good as the threshold; without one nothing was counted, and the sample is empty.
Proportion share_at_least(const std::vector<double>& accuracies, std::optional<double> threshold) {
    if (!threshold) return {};
    return proportion(std::ranges::count_if(accuracies, [&](double accuracy) { return accuracy >= *threshold; }),
                      static_cast<std::int64_t>(accuracies.size()));
}

std::int64_t count_of(const Funnel& funnel, std::string_view name) {
    return funnel.*std::ranges::find(funnel_counts, name, &FunnelCount::name)->count;
}

/// `study`: a Store or a StudyView.
template <class Study>
FalseRejections judge(Study& study) {
    const Funnel funnel = study.funnel();
    const std::vector<Audit> audits = study.audits();
    FalseRejections found;
    found.median = funnel.scored > 0 ? study.accuracy_at_rank((funnel.scored + 1) / 2) : std::nullopt;
    found.accuracy_of_best = study.accuracy_at_rank(FalseRejections::best_rank);
    for (const Rejection filter : proxy_tasks::filters) {
        std::vector<double> accuracies;
        for (const Audit& audit : audits)
            if (audit.filter == filter) accuracies.push_back(audit.accuracy);
        const auto audited = static_cast<std::int64_t>(accuracies.size());
        const auto best = std::ranges::max_element(accuracies);
        found.filters.push_back({filter, count_of(funnel, name(filter)), audited,
                                 share_at_least(accuracies, found.median),
                                 share_at_least(accuracies, found.accuracy_of_best),
                                 best == accuracies.end() ? std::nullopt : std::optional(*best)});
    }
    return found;
}

}  // namespace

Proportion proportion(std::int64_t count, std::int64_t of) {
    if (count < 0 || count > of) throw std::invalid_argument("a share counts no more than there are");
    if (of == 0) return {};
    constexpr double z = 1.959963984540054;  // 97.5% of the normal distribution
    const auto n = static_cast<double>(of);
    const double share = static_cast<double>(count) / n;
    const double center = (share + z * z / (2 * n)) / (1 + z * z / n);
    const double half = z / (1 + z * z / n) * std::sqrt(share * (1 - share) / n + z * z / (4 * n * n));
    // At the ends the formula gives 0 and 1 but for rounding.
    return {count, of, count == 0 ? 0 : center - half, count == of ? 1 : center + half};
}

std::int64_t FalseRejections::audited() const {
    std::int64_t sum = 0;
    for (const FilterAudit& filter : filters) sum += filter.audited;
    return sum;
}

FalseRejections judge_filters(Store& store) { return judge(store); }

FalseRejections judge_filters(StudyView& study) { return judge(study); }

}  // namespace normact::results
