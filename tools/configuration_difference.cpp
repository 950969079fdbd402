#include "tools/configuration_difference.h"

#include <nlohmann/json.hpp>

namespace normact::tools {
namespace {

using Json = nlohmann::ordered_json;

void compare(const std::string& key, const Json& first, const Json& second, std::vector<Difference>& found) {
    if (first == second) return;
    if (!first.is_object() || !second.is_object()) {
        found.push_back({key, first.dump(), second.dump()});
        return;
    }
    for (const auto& [name, value] : first.items()) {
        compare(key.empty() ? name : key + "." + name, value, second.value(name, Json()), found);
    }
    for (const auto& [name, value] : second.items()) {
        if (!first.contains(name)) compare(key.empty() ? name : key + "." + name, Json(), value, found);
    }
}

std::string without_budget(search::Configuration configuration) {
    configuration.budget = {};
    configuration.preset.clear();
    return search::to_json(configuration);
}

}  // namespace

std::vector<Difference> differences(const search::Configuration& first, const search::Configuration& second) {
    std::vector<Difference> found;
    compare("", Json::parse(without_budget(first)), Json::parse(without_budget(second)), found);
    return found;
}

}  // namespace normact::tools
