#include "search/population.h"

#include "evaluator/layer_cost.h"

#include <numeric>
#include <utility>

namespace normact::search {

double mean_accuracy(const Member& member) {
    if (member.accuracies.empty()) return 0;
    return std::accumulate(member.accuracies.begin(), member.accuracies.end(), 0.0) /
           static_cast<double>(member.accuracies.size());
}

double cost_of(const primitives::LayerGraph& graph, Cost cost) {
    return cost == Cost::bytes ? evaluator::least_bytes_moved(graph) : 0;
}

void Population::add(Member member) {
    members_.push_back(std::move(member));
    if (window_ > 0 && members_.size() > window_) members_.pop_front();
}

}  // namespace normact::search
