#pragma once

// Random layer graphs for property tests: RC_GTEST_PROP(…, (const LayerGraph& graph)).

#include "primitives/space.h"
#include "primitives/text.h"

#include <rapidcheck.h>

#include <ostream>

namespace normact::primitives {

inline void showValue(const LayerGraph& graph, std::ostream& out) { out << to_text(graph); }

/// Graphs of `space` with 1 to 40 random nodes beside the initial ones.
inline rc::Gen<LayerGraph> random_graphs(const Space& space) {
    return rc::gen::map(
        rc::gen::pair(rc::gen::resize(rc::kNominalSize, rc::gen::arbitrary<std::uint64_t>()), rc::gen::inRange(1, 41)),
        [space](const std::pair<std::uint64_t, int>& drawn) {
            Generator generator(drawn.first);
            Space sized = space;
            sized.intermediate_nodes = drawn.second;
            return random_graph(generator, sized);
        });
}

}  // namespace normact::primitives

template <>
struct rc::Arbitrary<normact::primitives::LayerGraph> {
    static Gen<normact::primitives::LayerGraph> arbitrary() {
        return normact::primitives::random_graphs(normact::primitives::paper_space(true));
    }
};
