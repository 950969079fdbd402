#include "primitives/json_error.h"
#include "primitives/nearest_name.h"
#include "primitives/primitive.h"
#include "search/configuration.h"
#include "search/configuration_fields.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <set>
#include <utility>

namespace normact::search {
namespace {

using Json = nlohmann::ordered_json;
using primitives::IndexSet;
using primitives::Op;
using proxy_tasks::Optimizer;
using proxy_tasks::Precision;
using proxy_tasks::Schedule;

// ---- enumerations: their values under the names that files hold ----

template <typename Value>
using Names = std::vector<std::pair<Value, std::string>>;

Names<Choice> names_of(Choice) { return {{Choice::pareto, "pareto"}, {Choice::mean, "mean"}}; }

Names<Cost> names_of(Cost) { return {{Cost::none, "none"}, {Cost::bytes, "bytes"}, {Cost::operations, "operations"}}; }

Names<Optimizer> names_of(Optimizer) {
    Names<Optimizer> names;
    for (const Optimizer optimizer : proxy_tasks::optimizers)
        names.emplace_back(optimizer, proxy_tasks::name(optimizer));
    return names;
}

Names<Schedule> names_of(Schedule) { return {{Schedule::constant, "constant"}, {Schedule::cosine, "cosine"}}; }

Names<Precision> names_of(Precision) {
    return {{Precision::float32, "float32"}, {Precision::tf32, "tf32"}, {Precision::bfloat16, "bfloat16"}};
}

Names<IndexSet> names_of(IndexSet) {
    Names<IndexSet> names;
    for (const IndexSet set : primitives::index_sets) names.emplace_back(set, primitives::name(set));
    return names;
}

Names<Op> names_of(Op) {
    Names<Op> names;
    for (const primitives::Primitive& row : primitives::all_primitives()) names.emplace_back(row.op, row.name);
    return names;
}

template <typename Value>
concept Enumeration = std::is_enum_v<Value>;

// ---- writing ----

Json written(const auto& value) { return value; }

Json written(const Enumeration auto& value) {
    const auto names = names_of(value);
    const auto found = std::ranges::find(names, value, &decltype(names)::value_type::first);
    if (found == names.end()) throw std::logic_error("a value without a name");
    return found->second;
}

template <typename Element>
Json written(const std::vector<Element>& list) {
    Json array = Json::array();
    for (const Element& element : list) array.push_back(written(element));
    return array;
}

template <typename Value>
requires Struct<const Value> Json written(const Value& value) {
    Json object = Json::object();
    for_each_field(value,
                   [&object](const char* key, const auto& member, const Range&) { object[key] = written(member); });
    return object;
}

// ---- reading: each member of its own type; a range is only named where it says what is wanted ----

std::string shown(const Json& json) {
    constexpr std::size_t longest = 60;
    std::string text = json.dump(-1, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace);
    return text.size() <= longest ? text : text.substr(0, longest) + " and so on";
}

[[noreturn]] void refuse(const std::string& path, const Json& found, std::string_view wanted) {
    throw ConfigurationError(
        fmt::format("{} is {}; it must be {}", path.empty() ? "the configuration" : path, shown(found), wanted));
}

[[noreturn]] void refuse_key(const std::string& path, const std::vector<std::string>& known) {
    const std::string quoted = shown(path);
    if (const auto nearest = primitives::nearest_name(path, known))
        throw ConfigurationError(fmt::format("there is no key {}; did you mean \"{}\"?", quoted, *nearest));
    throw ConfigurationError(fmt::format("there is no key {}; there are {}", quoted, fmt::join(known, ", ")));
}

template <std::integral Whole>
void read(const Json& json, const std::string& path, Whole& value, const Range& range) {
    const bool fits = json.is_number_unsigned()  ? std::in_range<Whole>(json.get<std::uint64_t>())
                      : json.is_number_integer() ? std::in_range<Whole>(json.get<std::int64_t>())
                                                 : false;
    if (!fits)
        refuse(path, json,
               std::isfinite(range.most)
                   ? in_words(range, "a whole number")
                   : fmt::format("a whole number from {} to {}", std::numeric_limits<Whole>::min(),
                                 std::numeric_limits<Whole>::max()));
    value = json.get<Whole>();
}

void read(const Json& json, const std::string& path, double& value, const Range& range) {
    if (!json.is_number()) refuse(path, json, in_words(range, "a number"));
    value = json.get<double>();
    // Programs that train take such numbers for 0, and would read another value than was written.
    if (std::fpclassify(value) == FP_SUBNORMAL) refuse(path, json, "0, or at least 1e-300 in size");
}

void read(const Json& json, const std::string& path, bool& value, const Range&) {
    if (!json.is_boolean()) refuse(path, json, "true or false");
    value = json.get<bool>();
}

void read(const Json& json, const std::string& path, std::string& value, const Range&) {
    if (!json.is_string()) refuse(path, json, "a string");
    value = json.get<std::string>();
}

template <Enumeration Value>
void read(const Json& json, const std::string& path, Value& value, const Range&) {
    std::vector<std::string> known;
    for (const auto& [choice, name] : names_of(Value{})) {
        known.push_back(name);
        if (json != name) continue;
        value = choice;
        return;
    }
    refuse(path, json, fmt::format("one of {}", fmt::join(known, ", ")));
}

template <typename Element>
void read(const Json& json, const std::string& path, std::vector<Element>& list, const Range&) {
    if (!json.is_array()) refuse(path, json, "a list");
    list.clear();
    for (const Json& entry : json) {
        Element element{};
        read(entry, fmt::format("{}[{}]", path, list.size()), element, any);
        list.push_back(std::move(element));
    }
}

template <Struct Object>
void read(const Json& json, const std::string& path, Object& object, const Range&) {
    if (!json.is_object()) refuse(path, json, "an object");
    std::vector<std::string> known;
    for_each_field(object, [&](const char* key, auto&, const Range&) { known.push_back(joined(path, key)); });
    for (const auto& [key, value] : json.items()) {
        const std::string full = joined(path, key.c_str());
        if (std::ranges::count(known, full) == 0) refuse_key(full, known);
    }
    for_each_field(object, [&](const char* key, auto& member, const Range& range) {
        if (json.contains(key)) read(json[key], joined(path, key), member, range);
    });
}

// ---- JSON itself ----

/// Refuses what the parser alone would accept: repeated keys, of which it would take the last, and deep nesting.
class Strictness {
  public:
    bool operator()(int depth, Json::parse_event_t event, const Json& parsed) {
        if (depth > deepest)
            throw ConfigurationError(fmt::format("the configuration is nested deeper than {} levels", deepest));
        if (event == Json::parse_event_t::object_start) keys_.emplace_back();
        if (event == Json::parse_event_t::object_end) keys_.pop_back();
        if (event == Json::parse_event_t::key && !keys_.back().insert(parsed.get<std::string>()).second)
            throw ConfigurationError(fmt::format("the key {} stands twice in one object", shown(parsed)));
        return true;
    }

  private:
    static constexpr int deepest = 16;
    std::vector<std::set<std::string>> keys_;  // of the objects that are open
};

Json parsed_json(std::string_view text) {
    if (text.size() > most_configuration_bytes)
        throw ConfigurationError(
            fmt::format("the configuration has {} bytes; at most {} are read", text.size(), most_configuration_bytes));
    try {
        return Json::parse(text, [strict = Strictness()](int depth, Json::parse_event_t event, Json& parsed) mutable {
            return strict(depth, event, parsed);
        });
    } catch (const Json::out_of_range& error) {
        throw ConfigurationError("the configuration holds a number that is too large: " +
                                 primitives::plain_message(error));
    } catch (const Json::parse_error& error) {
        throw ConfigurationError("the configuration is no JSON: " + primitives::plain_message(error));
    }
}

// ---- one setting ----

/// The paths of all members that have no members of their own.
std::vector<std::string> all_keys(const Json& json, const std::string& path) {
    if (!json.is_object()) return {path};
    std::vector<std::string> keys;
    for (const auto& [key, value] : json.items())
        for (std::string& found : all_keys(value, joined(path, key.c_str()))) keys.push_back(std::move(found));
    return keys;
}

Json& find(Json& configuration, const std::string& path) {
    const auto known = all_keys(configuration, "");
    const auto under = [&](const std::string& key) { return key.starts_with(path + "."); };
    if (std::ranges::any_of(known, under))
        throw ConfigurationError(fmt::format("{} holds several settings; name one of them, as in {}", path,
                                             *std::ranges::find_if(known, under)));
    if (std::ranges::count(known, path) == 0) refuse_key(path, known);
    std::string pointer = "/" + path;
    std::ranges::replace(pointer, '.', '/');
    return configuration[Json::json_pointer(pointer)];
}

/// The words between the commas that stand outside of parentheses: layers' text forms hold commas too.
Json list_of_words(std::string_view text) {
    Json list = Json::array();
    int open = 0;
    std::string word;
    for (const char letter : text) {
        open += letter == '(' ? 1 : letter == ')' ? -1 : 0;
        if (letter == ',' && open == 0) {
            list.push_back(std::exchange(word, ""));
        } else {
            word += letter;
        }
    }
    if (!text.empty()) list.push_back(word);
    return list;
}

/// Strings need no quotation marks, and lists no brackets.
Json value_like(const Json& present, std::string_view text) {
    Json value = Json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (present.is_string()) return value.is_string() ? value : Json(text);
    if (present.is_array()) return value.is_array() ? value : list_of_words(text);
    return value.is_discarded() ? Json(text) : value;
}

}  // namespace

std::string to_json(const Configuration& configuration) {
    return written(configuration).dump(2, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace) + "\n";
}

Configuration parse_configuration(std::string_view json) {
    const Json parsed = parsed_json(json);
    Configuration configuration;
    if (const auto base = parsed.find("preset"); parsed.is_object() && base != parsed.end() && base->is_string())
        if (const auto name = base->get<std::string>(); !name.empty()) configuration = preset(name);
    read(parsed, "", configuration, any);
    check_ranges(configuration);
    return configuration;
}

void set(Configuration& configuration, std::string_view assignment) {
    const std::size_t equals = assignment.find('=');
    if (equals == 0 || equals == std::string_view::npos)
        throw ConfigurationError(
            fmt::format("{} sets nothing; write key=value, as in scoring.training.steps=200", shown(assignment)));
    const std::string key(assignment.substr(0, equals));
    if (key == "preset") throw ConfigurationError("preset says where the settings come from; it can't be set alone");
    Json json = written(configuration);
    Json& place = find(json, key);
    place = value_like(place, assignment.substr(equals + 1));
    Configuration changed;
    read(json, "", changed, any);
    check_ranges(changed);
    configuration = std::move(changed);
}

}  // namespace normact::search
