#include "search/configuration.h"

#include "primitives/primitive.h"
#include "search/configuration_fields.h"
#include "search/proposal.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <stdexcept>
#include <type_traits>

namespace normact::search {
namespace {

using primitives::Kind;
using primitives::LayerGraph;
using primitives::Node;
using primitives::Op;
using primitives::Space;

template <typename Value>
void check(const Value& value, const std::string& path, const Range& range) {
    if constexpr (Struct<const Value>) {
        for_each_field(value, [&path](const char* key, const auto& member, const Range& its_range) {
            check(member, joined(path, key), its_range);
        });
    } else if constexpr (std::is_arithmetic_v<Value> && !std::is_same_v<Value, bool>) {
        const char* what = std::is_integral_v<Value> ? "a whole number" : "a number";
        if (!range.contains(static_cast<double>(value)))
            throw ConfigurationError(fmt::format("{} is {}; it must be {}", path, value, in_words(range, what)));
    } else if constexpr (requires { value.size(); }) {
        if (!range.contains(static_cast<double>(value.size())))
            throw ConfigurationError(value.empty() ? fmt::format("{} is empty", path)
                                                   : fmt::format("{} has {} entries; at most {} are allowed", path,
                                                                 value.size(), range.most));
    }
}

template <typename Element>
void check_distinct(const std::vector<Element>& list, std::string_view path) {
    std::set<Element> seen;
    for (std::size_t i = 0; i < list.size(); ++i)
        if (!seen.insert(list[i]).second)
            throw ConfigurationError(fmt::format("{}[{}] repeats an earlier entry", path, i));
}

void check_kind(const std::vector<Op>& operations, Kind kind, std::string_view path, std::string_view wanted) {
    for (std::size_t i = 0; i < operations.size(); ++i)
        if (primitives::primitive(operations[i]).kind != kind)
            throw ConfigurationError(fmt::format("{}[{}] is {}, which is not {}", path, i,
                                                 primitives::primitive(operations[i]).name, wanted));
}

void check_space(const Space& space) {
    check_kind(space.elementwise, Kind::elementwise, "space.elementwise", "an elementwise operation");
    check_kind(space.moments, Kind::moment, "space.moments", "a moment");
    check_distinct(space.elementwise, "space.elementwise");
    check_distinct(space.moments, "space.moments");
    check_distinct(space.index_sets, "space.index_sets");
    if (space.moments.empty() != space.index_sets.empty())
        throw ConfigurationError(
            "of space.moments and space.index_sets one is empty: name both, or neither for layers without moments");
}

bool holds(const Space& space, const Node& node) {
    switch (primitives::primitive(node.op).kind) {
        case Kind::elementwise:
            return std::ranges::count(space.elementwise, node.op) > 0;
        case Kind::moment:
            return std::ranges::count(space.moments, node.op) > 0 &&
                   std::ranges::count(space.index_sets, node.over) > 0;
        default:
            return true;
    }
}

/// An initial layer outside of the space would be inherited: an S search would then breed batch moments.
void check_initial(const std::vector<std::string>& layers, const Space& space) {
    for (std::size_t i = 0; i < layers.size(); ++i) {
        LayerGraph graph;
        try {
            graph = initial_graph(layers[i]);
        } catch (const primitives::InvalidGraph& error) {
            throw ConfigurationError(fmt::format(
                "evolution.initial[{}] is neither a name of the catalogue nor a text form: {}", i, error.what()));
        }
        const auto outside =
            std::ranges::find_if_not(graph.nodes, [&](const Node& node) { return holds(space, node); });
        if (outside == graph.nodes.end()) continue;
        const auto name = primitives::primitive(outside->op).name;
        const bool moment = outside->over != primitives::IndexSet::none;
        throw ConfigurationError(fmt::format("evolution.initial[{}] lies outside of the space: {} uses {}{}", i,
                                             layers[i], name,
                                             moment ? fmt::format(" over {}", primitives::name(outside->over)) : ""));
    }
}

}  // namespace

std::string in_words(const Range& range, std::string_view what) {
    return range.above ? fmt::format("{} above {} and at most {}", what, range.least, range.most)
                       : fmt::format("{} from {} to {}", what, range.least, range.most);
}

void check_ranges(const Configuration& configuration) { check(configuration, "", any); }

void validate(const Configuration& configuration) {
    check_ranges(configuration);
    check_space(configuration.space);
    const EvolutionSettings& evolution = configuration.evolution;
    if (evolution.window > 0 && evolution.warm_up > evolution.window)
        throw ConfigurationError(
            fmt::format("evolution.warm_up is {}; it must be at most evolution.window, which is {}", evolution.warm_up,
                        evolution.window));
    if (evolution.cost != Cost::none && evolution.choice != Choice::pareto)
        throw ConfigurationError(
            "evolution.cost is an axis of a Pareto front; with it, evolution.choice must be pareto, or let it be none");
    check_initial(evolution.initial, configuration.space);
    check_distinct(configuration.scoring.anchors, "scoring.anchors");
    try {
        proxy_tasks::validate(configuration.scoring);
    } catch (const std::invalid_argument& error) {
        throw ConfigurationError(error.what());
    }
    if (const std::size_t bytes = to_json(configuration).size(); bytes > most_configuration_bytes)
        throw ConfigurationError(fmt::format("the configuration has {} bytes, written in full; at most {} are read",
                                             bytes, most_configuration_bytes));
}

std::vector<std::string> tasks_of(const proxy_tasks::ScoringSettings& scoring) {
    std::vector<std::string> tasks;
    tasks.reserve(scoring.anchors.size());
    for (const std::string& anchor : scoring.anchors) tasks.push_back(scoring.dataset.name + "/" + anchor);
    return tasks;
}

}  // namespace normact::search
