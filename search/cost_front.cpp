#include "search/cost_front.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

namespace normact::search {

std::vector<std::size_t> cost_front(std::span<const WorthAndCost> points) {
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < points.size(); ++i)
        if (std::isfinite(points[i].accuracy) && std::isfinite(points[i].cost)) order.push_back(i);
    std::ranges::sort(order, {}, [&](std::size_t i) { return std::tuple(points[i].cost, -points[i].accuracy, i); });
    std::vector<std::size_t> front;
    double best = -std::numeric_limits<double>::infinity();
    for (const std::size_t i : order) {
        if (points[i].accuracy <= best) continue;
        best = points[i].accuracy;
        front.push_back(i);
    }
    return front;
}

}  // namespace normact::search
