#include "primitives/difference.h"

#include "primitives/canonical.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace normact::primitives {
namespace {

bool is_initial(const Node& node) { return primitive(node.op).kind == Kind::initial; }
bool same_operation(const Node& a, const Node& b) { return a.op == b.op && a.over == b.over; }

/// For each node of either graph the node of the other that has its place.
struct Partners {
    std::vector<std::optional<std::uint16_t>> after_of, before_of;

    /// Makes partners of two nodes that have none.
    void pair(NodePair nodes) {
        if (after_of[nodes.before] || before_of[nodes.after]) return;
        after_of[nodes.before] = nodes.after;
        before_of[nodes.after] = nodes.before;
    }
};

/// Makes partners of the nodes that compute the same. The graphs are canonical.
Partners equal_nodes(const LayerGraph& before, const LayerGraph& after) {
    Partners equal{std::vector<std::optional<std::uint16_t>>(before.nodes.size()),
                   std::vector<std::optional<std::uint16_t>>(after.nodes.size())};
    LayerGraph both = after;
    std::vector<std::uint16_t> place;
    for (Node node : before.nodes) {
        for (std::size_t k = 0; k < inputs_of(node).size(); ++k) node.inputs[k] = place[node.inputs[k]];
        if (primitive(node.op).commutative) std::ranges::sort(node.inputs);
        place.push_back(share(both, node));
        if (place.back() < after.nodes.size()) equal.pair({static_cast<std::uint16_t>(place.size() - 1), place.back()});
    }
    return equal;
}

/// How many nodes come with each node, or go, beside those that the other graph has; saturated, as trees may be huge.
std::vector<double> sizes(const LayerGraph& graph, const std::vector<std::optional<std::uint16_t>>& partners) {
    constexpr double enough = 1e6;
    std::vector<double> size;
    for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
        double sum = 1;
        for (const std::uint16_t input : inputs_of(graph.nodes[i])) sum += size[input];
        size.push_back(partners[i] ? 0 : std::min(sum, enough));
    }
    return size;
}

/// Pairs the nodes of two canonical graphs so that the fewest edits lead from one to the other.
class Alignment {
  public:
    Alignment(const LayerGraph& before, const LayerGraph& after, Partners equal)
        : before_(before),
          after_(after),
          partners_(std::move(equal)),
          goes_(sizes(before, partners_.after_of)),
          comes_(sizes(after, partners_.before_of)),
          steps_(before.nodes.size() * after.nodes.size()) {
        for (std::size_t i = 0; i < before.nodes.size(); ++i)
            for (std::size_t j = 0; j < after.nodes.size(); ++j) step(i, j) = best_step(i, j);
        follow(before.nodes.size() - 1, after.nodes.size() - 1);
    }

    const Partners& partners() const { return partners_; }

  private:
    /// What is done where the first graph has a node and the second another one.
    struct Step {
        double cost = 0;
        bool is_pair = false;                           ///< the two take each other's place
        std::array<std::optional<NodePair>, 2> next{};  ///< what is compared then
        bool is_done = false;
    };

    Step& step(std::size_t i, std::size_t j) { return steps_[i * after_.nodes.size() + j]; }
    double cost(NodePair nodes) { return step(nodes.before, nodes.after).cost; }

    /// The inputs of a pair, each of one node compared with one of the other.
    Step pairing(double own, std::span<const std::uint16_t> from, std::span<const std::uint16_t> to, bool swapped) {
        Step result{.cost = own, .is_pair = true};
        const std::size_t most = std::max(from.size(), to.size());
        for (std::size_t k = 0; k < most; ++k) {
            const std::size_t other = swapped ? most - 1 - k : k;
            if (k < from.size() && other < to.size()) {
                result.next.at(k) = NodePair{from[k], to[other]};
                result.cost += cost(*result.next.at(k));
            } else if (k < from.size()) {
                result.cost += goes_[from[k]];
            }
            if (other < to.size() && k >= from.size()) result.cost += comes_[to[other]];
        }
        return result;
    }

    Step best_step(std::size_t i, std::size_t j) {
        if (partners_.after_of[i] == j) return {};
        const Node &from = before_.nodes[i], &to = after_.nodes[j];
        const auto from_inputs = inputs_of(from), to_inputs = inputs_of(to);
        Step best{.cost = 1 + goes_[i] + comes_[j]};
        const auto consider = [&best](const Step& step) {
            if (step.cost < best.cost || (step.cost == best.cost && step.is_pair && !best.is_pair)) best = step;
        };
        for (std::size_t k = 0; k < to_inputs.size(); ++k) {  // put on top of what was there
            const NodePair below{static_cast<std::uint16_t>(i), to_inputs[k]};
            const double others = to_inputs.size() == 2 ? comes_[to_inputs[1 - k]] : 0;
            consider({.cost = 1 + cost(below) + others, .next = {below}});
        }
        for (std::size_t k = 0; k < from_inputs.size(); ++k) {  // taken from on top of what stays
            const NodePair below{from_inputs[k], static_cast<std::uint16_t>(j)};
            const double others = from_inputs.size() == 2 ? goes_[from_inputs[1 - k]] : 0;
            consider({.cost = 1 + cost(below) + others, .next = {below}});
        }
        if (is_initial(from) || is_initial(to)) return best;
        const bool same = same_operation(from, to);
        consider(pairing(same ? 0 : 1, from_inputs, to_inputs, false));
        const bool order_matters = same && !primitive(from.op).commutative;
        if (from_inputs.size() == 2 || to_inputs.size() == 2)
            consider(pairing((same ? 0 : 1) + (order_matters ? 1 : 0), from_inputs, to_inputs, true));
        return best;
    }

    /// Goes down the best steps, and pairs what neither graph has a better partner for.
    void follow(std::size_t i, std::size_t j) {
        std::vector<NodePair> left{{static_cast<std::uint16_t>(i), static_cast<std::uint16_t>(j)}};
        while (!left.empty()) {
            const NodePair nodes = left.back();
            left.pop_back();
            Step& taken = step(nodes.before, nodes.after);
            if (std::exchange(taken.is_done, true)) continue;
            if (taken.is_pair) partners_.pair(nodes);
            for (const auto& next : taken.next)
                if (next) left.push_back(*next);
        }
    }

    const LayerGraph &before_, &after_;
    Partners partners_;
    std::vector<double> goes_, comes_;
    std::vector<Step> steps_;
};

/// Whether a graph becomes another one where one of its nodes, drawn anew, is another node.
class Substitution {
  public:
    Substitution(const LayerGraph& before, const LayerGraph& after, NodePair replaced)
        : before_(before),
          after_(after),
          replaced_(replaced),
          known_(before.nodes.size() * after.nodes.size()),
          fits_(match(before.nodes.size() - 1, after.nodes.size() - 1)) {}

    bool fits() const { return fits_; }

    /// Makes partners of the two nodes, and of those that use them.
    Partners partners(Partners equal) const {
        for (std::size_t i = 0; i < before_.nodes.size(); ++i)
            for (std::size_t j = 0; j < after_.nodes.size(); ++j)
                if (known_[i * after_.nodes.size() + j].value_or(false))
                    equal.pair({static_cast<std::uint16_t>(i), static_cast<std::uint16_t>(j)});
        if (!is_initial(after_.nodes[replaced_.after])) equal.pair(replaced_);
        return equal;
    }

  private:
    bool match(std::size_t i, std::size_t j) {
        if (i == replaced_.before) return j == replaced_.after;
        auto& known = known_[i * after_.nodes.size() + j];
        if (!known) known = match_inputs(before_.nodes[i], after_.nodes[j]);
        return *known;
    }
    bool match_inputs(const Node& from, const Node& to) {
        if (!same_operation(from, to)) return false;
        const std::size_t arity = inputs_of(from).size();
        bool straight = true;
        for (std::size_t k = 0; straight && k < arity; ++k) straight = match(from.inputs[k], to.inputs[k]);
        if (straight || !primitive(from.op).commutative) return straight;
        return match(from.inputs[0], to.inputs[1]) && match(from.inputs[1], to.inputs[0]);
    }

    const LayerGraph &before_, &after_;
    NodePair replaced_;
    std::vector<std::optional<bool>> known_;
    bool fits_;
};

/// Operations of a graph whose nodes have a partner, or have none.
int count_operations(const LayerGraph& graph, const std::vector<std::optional<std::uint16_t>>& partners, bool has_one) {
    int count = 0;
    for (std::size_t i = 0; i < graph.nodes.size(); ++i)
        if (!is_initial(graph.nodes[i]) && partners[i].has_value() == has_one) ++count;
    return count;
}

/// An output drawn anew on top of nodes that nothing used before leads from any layer to any other. So where more than
/// the output comes, its operation and one of its inputs must stay.
bool keeps_an_input(const Node& output, const Node& drawn, const Partners& partners) {
    if (!same_operation(output, drawn)) return false;
    const auto inputs = inputs_of(output), others = inputs_of(drawn);
    for (std::size_t k = 0; k < inputs.size(); ++k)
        for (std::size_t other = 0; other < others.size(); ++other)
            if ((k == other || primitive(output.op).commutative) && partners.after_of[inputs[k]] == others[other])
                return true;
    return false;
}

/// The partners under the one mutation that leads from one graph to the other; of several, one with which least comes
/// and goes. Nothing if there is none, or the graphs are larger than a search's.
std::optional<Partners> one_mutation(const LayerGraph& before, const LayerGraph& after, const Partners& equal) {
    constexpr std::size_t most_pairs = std::size_t{64} * 64;
    if (before.nodes.size() * after.nodes.size() > most_pairs || before == after) return std::nullopt;
    std::optional<Partners> best;
    double least = 0;
    const auto nodes_before = static_cast<std::uint16_t>(before.nodes.size());
    const auto nodes_after = static_cast<std::uint16_t>(after.nodes.size());
    for (std::uint16_t i = 0; i < nodes_before; ++i) {
        if (is_initial(before.nodes[i]) || equal.after_of[i]) continue;  // a node drawn anew is no more
        for (std::uint16_t j = 0; j < nodes_after; ++j) {
            const Substitution substitution(before, after, {i, j});
            if (!substitution.fits()) continue;
            Partners partners = substitution.partners(equal);
            const int come = count_operations(after, partners.before_of, false);
            if (come > 0 && i + 1U == before.nodes.size() && !keeps_an_input(before.nodes[i], after.nodes[j], partners))
                continue;
            const double was_there = equal.before_of[j] ? 0.5 : 0;  // a node drawn anew is rarely equal to another
            const double cost = come + count_operations(before, partners.after_of, false) + was_there;
            if (best && cost >= least) continue;
            best = std::move(partners);
            least = cost;
        }
    }
    return best;
}

}  // namespace

Difference difference(const LayerGraph& before, const LayerGraph& after) {
    Difference d{
        .before = canonical(before), .after = canonical(after), .kept = {}, .changed = {}, .removed = {}, .added = {}};
    const Partners equal = equal_nodes(d.before, d.after);
    const auto mutation = one_mutation(d.before, d.after, equal);
    const Partners partners = mutation ? *mutation : Alignment(d.before, d.after, equal).partners();
    const auto &after_of = partners.after_of, &before_of = partners.before_of;
    for (std::size_t i = 0; i < d.before.nodes.size(); ++i) {
        const auto position = static_cast<std::uint16_t>(i);
        if (!after_of[i]) {
            d.removed.push_back(position);
            continue;
        }
        const Node& from = d.before.nodes[i];
        Node& to = d.after.nodes[*after_of[i]];
        const auto fits = [&](std::size_t k, std::size_t other) {
            return after_of[from.inputs[k]] == to.inputs[other];
        };
        const bool may_swap = primitive(to.op).commutative && primitive(from.op).arity == 2;
        if (may_swap && !fits(0, 0) && !fits(1, 1) && (fits(0, 1) || fits(1, 0))) std::swap(to.inputs[0], to.inputs[1]);
        bool same = same_operation(from, to);
        for (std::size_t k = 0; same && k < inputs_of(from).size(); ++k) same = fits(k, k);
        (same ? d.kept : d.changed).push_back({position, *after_of[i]});
    }
    for (std::size_t j = 0; j < d.after.nodes.size(); ++j)
        if (!before_of[j]) d.added.push_back(static_cast<std::uint16_t>(j));
    d.is_one_mutation = mutation.has_value();
    return d;
}

LayerGraph part_at(const LayerGraph& graph, std::uint16_t node) {
    return {{graph.nodes.begin(), graph.nodes.begin() + node + 1}};
}

}  // namespace normact::primitives
