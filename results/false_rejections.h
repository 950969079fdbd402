#pragma once

#include "results/store.h"
#include "results/study_view.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace normact::results {

/// A share that was counted in a sample, with its 95% interval by Wilson's score (Journal of the American Statistical
/// Association 22, 1927), which holds for small samples and for shares of 0 and 1 too.
struct Proportion {
    std::int64_t count = 0;
    std::int64_t of = 0;
    double low = 0;  ///< in [0,1]; 0 to 1 for an empty sample
    double high = 1;
};

/// Throws std::invalid_argument unless 0 <= count <= of.
Proportion proportion(std::int64_t count, std::int64_t of);

/// What the audited layers say of one filter.
struct FilterAudit {
    proxy_tasks::Rejection filter{};
    std::int64_t rejected = 0;    ///< distinct layers
    std::int64_t audited = 0;     ///< of these: scored all the same
    Proportion false_rejections;  ///< of the audited: as good as the median scored layer; empty without such a layer
    Proportion as_good_as_best;   ///< of the audited: as good as the scored layer at `best_rank`; empty without one
    std::optional<double> best;   ///< the highest mean accuracy of an audited layer
};

/// How much the filters of a study throw away. A rejection is called false if the layer, fully scored all the same, has
/// a mean accuracy that the better half of the scored layers reaches.
struct FalseRejections {
    static constexpr std::int64_t best_rank = 10;

    std::optional<double> median;  ///< mean accuracy of the median scored layer; nothing without scored layers
    std::optional<double> accuracy_of_best;  ///< of the scored layer at `best_rank`; nothing if there are fewer
    std::vector<FilterAudit> filters;        ///< quality and stability

    std::int64_t audited() const;
};

FalseRejections judge_filters(Store& store);
FalseRejections judge_filters(StudyView& study);

}  // namespace normact::results
