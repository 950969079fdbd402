#include "primitives/known_parts.h"

#include "primitives/text.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace normact::primitives {
namespace {

/// In a pattern `x` stands for any node, `batch` for any index set; `#S` in a name for that set.
struct Pattern {
    std::string_view text, name;
};

// Larger ones first: what they hold is not told again.
constexpr auto patterns = std::to_array<Pattern>({
    {"v1*(x - mean_batch(x))/std_batch(x) + v0", "affine #S normalization"},
    {"v1*((x - mean_batch(x))/std_batch(x)) + v0", "affine #S normalization"},
    {"v1*(x - mean_batch(x))/std_batch(x)", "scaled #S normalization"},
    {"(x - mean_batch(x))/std_batch(x)", "#S normalization"},
    {"x*sigmoid(v1*x)", "Swish"},
    {"x*sigmoid(x)", "SiLU"},
    {"v1*x + v0", "affine"},
    {"x/std_batch(x)", "#S normalization without the mean"},
    {"x/rms_batch(x)", "#S rms normalization"},
    {"x - mean_batch(x)", "centered over #S"},
    {"max(x, 0)", "ReLU"},
    {"max(x, v0)", "thresholded linear unit"},
});

/// What a pattern's wildcards stand for, and which nodes its other nodes are, as far as that is known.
struct Match {
    std::optional<std::uint16_t> subject;
    IndexSet set = IndexSet::none;
    std::vector<std::uint16_t> nodes;
};

class Matcher {
  public:
    Matcher(const LayerGraph& pattern, const LayerGraph& graph) : pattern_(pattern), graph_(graph) {}

    std::optional<Match> at(std::uint16_t node) const {
        return extend({}, static_cast<std::uint16_t>(pattern_.nodes.size() - 1), node);
    }

  private:
    std::optional<Match> extend(Match match, std::uint16_t part, std::uint16_t node) const {
        const Node &wanted = pattern_.nodes[part], &found = graph_.nodes[node];
        if (wanted.op == Op::x) {
            if (match.subject.value_or(node) != node) return std::nullopt;
            match.subject = node;
            return match;
        }
        if (wanted.op != found.op) return std::nullopt;
        if (found.over != IndexSet::none) {
            if (match.set != IndexSet::none && match.set != found.over) return std::nullopt;
            match.set = found.over;
        }
        match.nodes.push_back(node);
        auto inputs = found.inputs;
        auto whole = extend_inputs(match, wanted, inputs);
        if (whole || !primitive(wanted.op).commutative) return whole;
        std::swap(inputs[0], inputs[1]);
        return extend_inputs(std::move(match), wanted, inputs);
    }

    std::optional<Match> extend_inputs(Match match, const Node& wanted, std::array<std::uint16_t, 2> inputs) const {
        for (std::size_t k = 0; k < inputs_of(wanted).size(); ++k) {
            auto further = extend(std::move(match), wanted.inputs[k], inputs[k]);
            if (!further) return std::nullopt;
            match = std::move(*further);
        }
        return match;
    }

    const LayerGraph &pattern_, &graph_;
};

std::string filled(std::string_view name, IndexSet set) {
    std::string text(name);
    if (const auto at = text.find("#S"); at != std::string::npos) text.replace(at, 2, primitives::name(set));
    return text;
}

}  // namespace

std::vector<KnownPart> known_parts(const LayerGraph& graph) {
    std::vector<bool> told(graph.nodes.size(), false);
    std::vector<KnownPart> parts;
    for (const Pattern& pattern : patterns) {
        const LayerGraph wanted = parse_text(pattern.text);
        const Matcher matcher(wanted, graph);
        for (std::size_t i = graph.nodes.size(); i-- > 0;) {
            const auto node = static_cast<std::uint16_t>(i);
            if (told[i]) continue;
            const auto match = matcher.at(node);
            if (!match) continue;
            for (const std::uint16_t part : match->nodes) told[part] = true;
            parts.push_back({node, match->subject.value(), filled(pattern.name, match->set)});
        }
    }
    std::ranges::sort(parts, {}, &KnownPart::node);
    return parts;
}

}  // namespace normact::primitives
