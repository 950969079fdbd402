#include "search/configuration.h"
#include "search/preset_files.h"  // made from presets/*.json when the program is built

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace normact::search {

std::vector<std::string> preset_names() {
    std::vector<std::string> names;
    names.reserve(preset_files.size());
    for (const PresetFile& file : preset_files) names.emplace_back(file.name);
    return names;
}

Configuration preset(std::string_view name) {
    for (const PresetFile& file : preset_files) {
        if (file.name != name) continue;
        Configuration configuration = parse_configuration(file.json);
        configuration.preset = name;
        return configuration;
    }
    throw ConfigurationError(
        fmt::format("there is no preset \"{}\"; there are {}", name, fmt::join(preset_names(), ", ")));
}

}  // namespace normact::search
