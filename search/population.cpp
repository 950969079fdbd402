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
    if (cost == Cost::none) return 0;
    const auto known = evaluator::layer_cost(graph);
    return cost == Cost::bytes ? known.bytes : known.operations;
}

void Population::add(Member member) {
    members_.push_back(std::move(member));
    if (window_ > 0 && members_.size() > window_) members_.pop_front();
}

}  // namespace normact::search
