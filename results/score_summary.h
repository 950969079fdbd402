#pragma once

#include "results/study_view.h"

#include <cstdint>
#include <span>
#include <vector>

// Charts of any number of scores, of a size that does not grow with it.
namespace normact::results {

/// The points at which the best mean so far rose, in the order given.
std::vector<ScoredPoint> improvements(std::span<const ScoredPoint> points);

/// The points in the order in which they were finished; without those of which that is not known.
std::vector<ScoredPoint> in_order_of_time(std::vector<ScoredPoint> points);

/// At most `count` of the points at equal distances, the first and the last among them, in their order.
std::vector<ScoredPoint> evenly_spaced(std::span<const ScoredPoint> points, std::size_t count);

/// How many means lie where.
struct Histogram {
    double least = 0, most = 0;        ///< the range of all bins together
    std::vector<std::int64_t> counts;  ///< one a bin; bins are equally wide, the last one includes `most`
};
/// Empty without points.
Histogram histogram_of_means(std::span<const ScoredPoint> points, std::size_t bins);

/// A layer with a cost, such as a time.
struct CostPoint {
    CandidateId candidate = 0;
    double cost = 0, mean = 0;
};
/// The points that no other one beats in one of cost and mean without being worse in the other, by rising cost.
std::vector<CostPoint> pareto_front(std::vector<CostPoint> points);

}  // namespace normact::results
