#include "tools/candidate_request.h"

#include "primitives/canonical.h"
#include "primitives/catalogue.h"
#include "primitives/fingerprint.h"
#include "primitives/text.h"
#include "tools/candidates.h"
#include "tools/terminal.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>
#include <sstream>
#include <string_view>

namespace normact::tools {
namespace {

using Order = results::CandidateQuery::Order;

template <class Number>
Number parse_number(const std::string& text, const char* what) {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size())
        throw RequestError(fmt::format("{} must be a number", what));
    return value;
}

const std::map<std::string, Order>& orders() {
    static const std::map<std::string, Order> all{
        {"best", Order::best}, {"worst", Order::worst}, {"newest", Order::newest}, {"oldest", Order::oldest}};
    return all;
}

Order parse_order(const std::string& text) {
    const auto found = orders().find(text);
    if (found == orders().end()) throw RequestError("order must be best, worst, newest or oldest");
    return found->second;
}

std::string parse_task(const std::string& text, const std::vector<std::string>& tasks) {
    if (std::ranges::find(tasks, text) == tasks.end())
        throw RequestError(fmt::format("task must be one of {}", fmt::join(tasks, ", ")));
    return text;
}

std::string parse_state(const std::string& text) {
    std::vector<std::string_view> states;
    for (const auto& state : candidate_states()) states.push_back(state.name);
    if (std::ranges::find(states, text) == states.end())
        throw RequestError(fmt::format("state must be one of {}", fmt::join(states, ", ")));
    return text;
}

/// "sigmoid", "std", "std_group" or "group".
results::GraphPart parse_part(const std::string& word) {
    if (const auto set = primitives::find_index_set(word); set && *set != primitives::IndexSet::none)
        return {std::nullopt, *set};
    if (const auto op = primitives::find_op(word)) return {op, primitives::IndexSet::none};
    const auto mark = word.find('_');
    if (mark != std::string::npos) {
        const auto op = primitives::find_op(word.substr(0, mark));
        const auto set = primitives::find_index_set(word.substr(mark + 1));
        if (op && set && primitives::primitive(*op).kind == primitives::Kind::moment) return {op, *set};
    }
    throw RequestError(
        fmt::format("'{}' is no part of a layer: a primitive (sigmoid), a moment (std, std_group) or an index set "
                    "(batch, instance, layer, group)",
                    printable(word.substr(0, 40))));
}

std::vector<results::GraphPart> parse_parts(const std::string& text) {
    constexpr std::size_t most = 16;
    std::vector<results::GraphPart> parts;
    std::istringstream words(text);
    for (std::string word; words >> word;) parts.push_back(parse_part(word));
    if (parts.size() > most) throw RequestError(fmt::format("at most {} parts can be asked for", most));
    return parts;
}

primitives::Hash128 parse_layer(const std::string& text) {
    try {
        const auto* const entry = primitives::find_in_catalogue(text);
        const auto graph = primitives::canonical(entry != nullptr ? entry->layer.graph : primitives::parse_text(text));
        const auto probe = primitives::probe(graph);
        if (!probe.finite) throw RequestError("this layer is not finite, so that it is never trained");
        return probe.fingerprint;
    } catch (const primitives::InvalidGraph& error) {
        throw RequestError(fmt::format("this is neither a layer's name nor its text form: {}", error.what()));
    }
}

}  // namespace

results::CandidateId parse_candidate(const std::string& text) {
    const auto id = parse_number<results::CandidateId>(text, "a candidate");
    if (id < 1) throw RequestError("a candidate is a number from 1 on");
    return id;
}

std::string position_text(const results::CandidateQuery& query, const results::PagePosition& position) {
    const auto order = std::ranges::find(orders(), query.order, [](const auto& row) { return row.second; });
    return fmt::format("{}:{}:{}:{}", position.value, position.row, order->first, query.task);
}

results::PagePosition parse_position(const results::CandidateQuery& query, const std::string& text) {
    const RequestError wrong("after must be what a page in the same order gave as next");
    const auto mark = text.find(':'), end = text.find(':', mark + 1);
    if (mark == std::string::npos || end == std::string::npos) throw wrong;
    const results::PagePosition position{parse_number<double>(text.substr(0, mark), "after"),
                                         parse_number<std::int64_t>(text.substr(mark + 1, end - mark - 1), "after")};
    constexpr std::int64_t largest = std::int64_t{1} << 53;  // far from where sums overflow
    if (!std::isfinite(position.value) || position.row < 0 || position.row > largest) throw wrong;
    if (position_text(query, position) != text) throw wrong;
    return position;
}

results::CandidateQuery candidate_query(const RequestParameters& parameters, const std::vector<std::string>& tasks) {
    results::CandidateQuery query;
    std::string after;  // read when the order is known
    using Take = std::function<void(const std::string&)>;
    const std::map<std::string, Take> known{
        {"order", [&](const auto& text) { query.order = parse_order(text); }},
        {"task", [&](const auto& text) { query.task = parse_task(text, tasks); }},
        {"state", [&](const auto& text) { query.state = parse_state(text); }},
        {"origin", [&](const auto& text) { query.origin = text; }},
        {"parent", [&](const auto& text) { query.parent = parse_candidate(text); }},
        {"with", [&](const auto& text) { query.with = parse_parts(text); }},
        {"without", [&](const auto& text) { query.without = parse_parts(text); }},
        {"same_as", [&](const auto& text) { query.fingerprint = parse_layer(text); }},
        {"after", [&](const auto& text) { after = text; }},
        {"limit", [&](const auto& text) { query.limit = parse_number<int>(text, "limit"); }},
    };
    for (const auto& [name, text] : parameters) {
        const auto take = known.find(name);
        if (take == known.end())
            throw RequestError(fmt::format("no parameter is called '{}'", printable(name.substr(0, 40))));
        if (!text.empty()) take->second(text);
    }
    if (!after.empty()) query.after = parse_position(query, after);
    if (!query.task.empty() && query.order != Order::best && query.order != Order::worst)
        throw RequestError("a task goes with the orders best and worst");
    if (query.limit < 1 || query.limit > results::most_of_a_page)
        throw RequestError(fmt::format("limit must be 1 to {}", results::most_of_a_page));
    return query;
}

}  // namespace normact::tools
