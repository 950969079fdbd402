#pragma once

#include "primitives/graph.h"
#include "results/store.h"
#include "search/configuration.h"

#include <cstddef>
#include <deque>
#include <vector>

namespace normact::search {

/// A scored candidate, as selection sees it.
struct Member {
    results::CandidateId id = 0;
    primitives::LayerGraph graph;    ///< canonical
    std::vector<double> accuracies;  ///< one an anchor, in the order of the study's anchors
    double cost = 0;                 ///< less is better; 0 for all where it is no objective

    bool operator==(const Member&) const = default;
};

double mean_accuracy(const Member& member);

/// What the graph costs by this measure; 0 for none.
double cost_of(const primitives::LayerGraph& graph, Cost cost);

/// The newest scored candidates, oldest first: adding one beyond the window drops the oldest, however good it is
/// (ageing: Real et al., arXiv 1802.01548).
class Population {
  public:
    /// At most `window` members; 0 keeps all.
    explicit Population(int window) : window_(static_cast<std::size_t>(window)) {}

    void add(Member member);

    std::size_t size() const { return members_.size(); }
    const Member& operator[](std::size_t index) const { return members_[index]; }

  private:
    std::size_t window_;
    std::deque<Member> members_;
};

}  // namespace normact::search
