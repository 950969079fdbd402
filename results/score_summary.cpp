#include "results/score_summary.h"

#include <algorithm>
#include <cmath>

namespace normact::results {

std::vector<ScoredPoint> improvements(std::span<const ScoredPoint> points) {
    std::vector<ScoredPoint> steps;
    for (const ScoredPoint& point : points)
        if (steps.empty() || point.mean > steps.back().mean) steps.push_back(point);
    return steps;
}

std::vector<ScoredPoint> in_order_of_time(std::vector<ScoredPoint> points) {
    std::erase_if(points, [](const ScoredPoint& point) { return std::isnan(point.finished); });
    std::ranges::stable_sort(points, {}, &ScoredPoint::finished);
    return points;
}

std::vector<ScoredPoint> evenly_spaced(std::span<const ScoredPoint> points, std::size_t count) {
    if (points.size() <= count) return {points.begin(), points.end()};
    std::vector<ScoredPoint> chosen;
    for (std::size_t i = 0; i < count; ++i)
        chosen.push_back(points[count == 1 ? 0 : i * (points.size() - 1) / (count - 1)]);
    return chosen;
}

Histogram histogram_of_means(std::span<const ScoredPoint> points, std::size_t bins) {
    Histogram histogram;
    if (points.empty() || bins == 0) return histogram;
    const auto [least, most] = std::ranges::minmax_element(points, {}, &ScoredPoint::mean);
    histogram = {least->mean, most->mean, std::vector<std::int64_t>(bins)};
    const double width = (histogram.most - histogram.least) / static_cast<double>(bins);
    for (const ScoredPoint& point : points) {
        const double place = width > 0 ? (point.mean - histogram.least) / width : 0;
        ++histogram.counts[std::min(static_cast<std::size_t>(place), bins - 1)];
    }
    return histogram;
}

std::vector<CostPoint> pareto_front(std::vector<CostPoint> points) {
    std::ranges::sort(points, [](const CostPoint& a, const CostPoint& b) {
        return a.cost != b.cost ? a.cost < b.cost : a.mean > b.mean;
    });
    std::vector<CostPoint> front;
    for (const CostPoint& point : points)
        if (front.empty() || point.mean > front.back().mean ||
            (point.mean == front.back().mean && point.cost == front.back().cost))
            front.push_back(point);
    return front;
}

}  // namespace normact::results
