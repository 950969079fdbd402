#include "primitives/json.h"

#include "primitives/json_error.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <utility>

namespace normact::primitives {
namespace {

using nlohmann::json;

constexpr std::string_view format_name = "normact/layer";
constexpr int format_version = 1;
constexpr int max_depth = 4;  // layer, nodes, node, inputs

[[noreturn]] void reject(const std::string& where, const std::string& what) { throw InvalidGraph(where + ": " + what); }

std::string clipped(std::string text, std::size_t length) {
    if (text.size() > length) text = text.substr(0, length - 3) + "...";
    return text;
}

/// A value as an error message shows it: never long, never with control characters.
std::string shown(const json& value) {
    constexpr std::size_t longest = 40;
    return value.is_structured() ? value.type_name() : clipped(value.dump(-1, ' ', true), longest);
}

/// The library's message, which repeats what it read last: that may be any bytes, and as many as the text has.
std::string printable(std::string message) {
    constexpr std::size_t longest = 240;
    for (char& c : message)
        if (c < ' ' || c > '~') c = '?';
    return clipped(std::move(message), longest);
}

/// Stops the parser at too deep nesting and at repeated keys, which it would not report.
class StructureGuard {
  public:
    bool operator()(int depth, json::parse_event_t event, const json& parsed) {
        if (depth > max_depth) reject(where(depth), "nested more than " + std::to_string(max_depth) + " deep");
        auto& keys = keys_[static_cast<std::size_t>(depth)];
        if (event == json::parse_event_t::object_start) {
            keys.clear();
            if (depth == node_depth) ++nodes_;
        }
        if (event == json::parse_event_t::key) {
            auto& open = keys_[static_cast<std::size_t>(depth - 1)];
            const auto& key = parsed.get_ref<const std::string&>();
            if (std::ranges::find(open, key) != open.end()) reject(where(depth), "the key " + shown(parsed) + " twice");
            open.push_back(key);
            if (open.size() > max_keys) reject(where(depth), "an object with more than 8 keys");
        }
        return true;
    }

  private:
    std::string where(int depth) const {
        return depth > node_depth && nodes_ > 0 ? "node " + std::to_string(nodes_ - 1) : "the layer";
    }

    static constexpr std::size_t max_keys = 8;  // more than any object of the format has
    static constexpr int node_depth = 2;        // layer, nodes, node
    std::array<std::vector<std::string>, max_depth + 1> keys_;
    std::size_t nodes_ = 0;  // begun so far
};

void check_keys(const json& object, const std::string& where, std::initializer_list<std::string_view> known) {
    if (!object.is_object()) reject(where, "expected an object, not " + shown(object));
    for (const auto& [key, value] : object.items())
        if (std::ranges::find(known, key) == known.end()) reject(where, "unknown key " + shown(key));
}

const json& member(const json& object, const char* key, const std::string& where) {
    const auto found = object.find(key);
    if (found == object.end()) reject(where, std::string("\"") + key + "\" is missing");
    return *found;
}

/// Throws InvalidGraph unless the name can be printed anywhere; returns it as JSON writes it.
std::string checked_name(const std::string& name) {
    if (name.size() > max_name_bytes)
        reject("\"name\"", std::to_string(name.size()) + " bytes; at most " + std::to_string(max_name_bytes));
    const auto byte = [&](std::size_t i) { return i < name.size() ? static_cast<unsigned char>(name[i]) : 0U; };
    for (std::size_t i = 0; i < name.size(); ++i) {
        const bool is_c1 = byte(i) == 0xc2 && byte(i + 1) >= 0x80 && byte(i + 1) < 0xa0;  // U+0080 to U+009F
        if (byte(i) < 0x20 || byte(i) == 0x7f || is_c1) reject("\"name\"", "a control character in it");
    }
    try {
        return json(name).dump();
    } catch (const json::exception&) {
        reject("\"name\"", "it is not UTF-8");
    }
}

void check_settings(const LayerSettings& settings) {
    if (settings.groups < 1) reject("\"settings\"", "\"groups\" must be at least 1");
    const bool in_range = settings.epsilon >= least_epsilon && settings.epsilon <= most_epsilon;
    if (!in_range)  // nor is what is not a number
        reject("\"settings\"", "\"epsilon\" must be from 1e-30 to 1e30");
}

/// A whole number in [0, bound); -1 for anything else.
std::int64_t whole_number(const json& value, std::int64_t bound) {
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() >= static_cast<std::uint64_t>(bound)) return -1;
    return value.get<std::int64_t>();
}

LayerSettings read_settings(const json& object) {
    const std::string where = "\"settings\"";
    check_keys(object, where, {"groups", "epsilon"});
    LayerSettings settings;
    if (object.contains("groups")) {
        const std::int64_t groups = whole_number(object["groups"], std::int64_t{1} << 31);
        if (groups < 1) reject(where, "\"groups\" must be a whole number of at least 1");
        settings.groups = static_cast<int>(groups);
    }
    if (object.contains("epsilon")) {
        if (!object["epsilon"].is_number()) reject(where, "\"epsilon\" must be a number");
        settings.epsilon = object["epsilon"].get<double>();
    }
    check_settings(settings);
    return settings;
}

std::string read_string(const json& object, const char* key, const std::string& where) {
    const json& value = member(object, key, where);
    if (!value.is_string()) reject(where, std::string("\"") + key + "\" must be a string, not " + shown(value));
    return value.get<std::string>();
}

void read_inputs(const json& object, const std::string& where, Node& node) {
    const json empty = json::array();
    const json& inputs = object.contains("inputs") ? object["inputs"] : empty;
    if (!inputs.is_array()) reject(where, "\"inputs\" must be an array of node positions");
    const std::size_t arity = inputs_of(node).size();
    if (inputs.size() != arity)
        reject(where, std::string(primitive(node.op).name) + " takes " + std::to_string(arity) + " inputs, not " +
                          std::to_string(inputs.size()));
    for (std::size_t k = 0; k < arity; ++k) {
        const std::int64_t input = whole_number(inputs[k], max_nodes);
        if (input < 0) reject(where, "the input " + shown(inputs[k]) + " is not the position of an earlier node");
        node.inputs[k] = static_cast<std::uint16_t>(input);
    }
}

Node read_node(const json& object, std::size_t position) {
    const std::string where = "node " + std::to_string(position);
    check_keys(object, where, {"op", "over", "inputs"});
    const std::string op_name = read_string(object, "op", where);
    const auto op = find_op(op_name);
    if (!op) reject(where, "no operation is called " + shown(op_name));
    Node node{.op = *op};
    if (object.contains("over")) {
        const std::string set_name = read_string(object, "over", where);
        const auto set = find_index_set(set_name);
        if (!set) reject(where, "no index set is called " + shown(set_name));
        node.over = *set;
    }
    read_inputs(object, where, node);
    return node;
}

Layer read_layer(const json& object) {
    const std::string where = "the layer";
    check_keys(object, where, {"format", "version", "name", "settings", "nodes"});
    if (const std::string format = read_string(object, "format", where); format != format_name)
        reject("\"format\"", "must be \"" + std::string(format_name) + "\", not " + shown(format));
    if (const json& version = member(object, "version", where); version != format_version)
        reject("\"version\"",
               "this program reads version " + std::to_string(format_version) + ", not " + shown(version));
    Layer layer;
    if (object.contains("name")) layer.name = read_string(object, "name", where);
    checked_name(layer.name);
    if (object.contains("settings")) layer.settings = read_settings(object["settings"]);
    const json& nodes = member(object, "nodes", where);
    if (!nodes.is_array()) reject("\"nodes\"", "must be an array");
    if (nodes.size() > max_nodes)
        reject("\"nodes\"", std::to_string(nodes.size()) + " nodes; at most " + std::to_string(max_nodes));
    for (const json& node : nodes) layer.graph.nodes.push_back(read_node(node, layer.graph.nodes.size()));
    validate(layer.graph);
    return layer;
}

std::string node_json(const Node& node) {
    std::string text = "{\"op\": \"" + std::string(primitive(node.op).name) + "\"";
    if (node.over != IndexSet::none) text += ", \"over\": \"" + std::string(name(node.over)) + "\"";
    const auto inputs = inputs_of(node);
    if (!inputs.empty()) text += ", \"inputs\": [" + std::to_string(inputs[0]);
    for (std::size_t k = 1; k < inputs.size(); ++k) text += ", " + std::to_string(inputs[k]);
    return text + (inputs.empty() ? "}" : "]}");
}

}  // namespace

std::string to_json(const Layer& layer) {
    validate(layer.graph);
    check_settings(layer.settings);
    std::string text = "{\"format\": \"" + std::string(format_name) +
                       "\", \"version\": " + std::to_string(format_version) + ", \"name\": " + checked_name(layer.name);
    if (layer.settings != LayerSettings{})
        text += ",\n \"settings\": {\"groups\": " + std::to_string(layer.settings.groups) +
                ", \"epsilon\": " + json(layer.settings.epsilon).dump() + "}";
    text += ",\n \"nodes\": [";
    for (std::size_t i = 0; i < layer.graph.nodes.size(); ++i)
        text += (i == 0 ? "" : ",\n           ") + node_json(layer.graph.nodes[i]);
    return text + "]}\n";
}

Layer parse_json(std::string_view text) {
    if (text.size() > max_json_bytes)
        throw InvalidGraph("the text has " + std::to_string(text.size()) + " bytes; a layer has at most " +
                           std::to_string(max_json_bytes));
    try {
        return read_layer(json::parse(text, StructureGuard()));
    } catch (const json::exception& error) {
        // The library's message names the byte, and the line and column of a syntax error.
        throw InvalidGraph("not JSON: " + printable(plain_message(error)));
    }
}

}  // namespace normact::primitives
