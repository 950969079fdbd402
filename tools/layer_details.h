#pragma once

#include "evaluator/layer_speed.h"
#include "primitives/graph.h"

#include <nlohmann/json_fwd.hpp>

#include <optional>
#include <string>
#include <vector>

namespace normact::tools {

/// The moments of a graph in the order of its nodes: "std over group".
std::vector<std::string> moments_of(const primitives::LayerGraph& graph);

/// What a page shows of one layer beside its scores: formula, moments, picture, responses, traffic and, on `speed`, its
/// times by engine. docs/commands.md describes it. Of a layer with more than most_nodes_of_a_picture nodes, which
/// nobody could read or wait for, there is neither a picture nor a response. What can't be had is null, with the reason
/// beside it.
nlohmann::ordered_json layer_details(const primitives::Layer& layer, const std::optional<evaluator::SpeedTask>& speed);

inline constexpr std::size_t most_nodes_of_a_picture = 150;

}  // namespace normact::tools
