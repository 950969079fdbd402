#include "tools/settings_argument.h"

#include "primitives/nearest_name.h"
#include "tools/machine.h"
#include "tools/text_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace normact::tools {
namespace {

search::Configuration read_preset(const std::string& name) {
    try {
        return search::preset(name);
    } catch (const search::ConfigurationError& error) {
        const auto nearest = primitives::nearest_name(name, search::preset_names());
        throw UsageError(fmt::format("--preset {}: {}{}", name, error.what(),
                                     nearest ? fmt::format("; did you mean {}?", *nearest) : ""));
    }
}

search::Configuration read_configuration_file(const std::string& path) {
    const std::string text = read_text_file(path);
    try {
        return search::parse_configuration(text);
    } catch (const search::ConfigurationError& error) {
        throw UsageError(fmt::format("--config {}: {}", path, error.what()));
    }
}

void assign(search::Configuration& configuration, const std::string& assignment) {
    try {
        search::set(configuration, assignment);
    } catch (const search::ConfigurationError& error) {
        throw UsageError(fmt::format("--set {}: {}", assignment, error.what()));
    }
}

}  // namespace

std::vector<Option> settings_options() {
    return {{"preset", "NAME", fmt::format("settings to start from: {}", fmt::join(search::preset_names(), ", ")), {}},
            {"config", "FILE", "settings from a JSON file, in place of a preset", {}},
            {"set", "KEY=VALUE", "change one setting, as in scoring.training.steps=200", {}, true},
            threads_option()};
}

Option threads_option() { return {"threads", "N", "layers trained at once (default: one a core)", {}}; }

bool names_settings(const Arguments& arguments) { return arguments.has("preset") || arguments.has("config"); }

search::Configuration read_settings(const Arguments& arguments, const search::Configuration& otherwise) {
    if (arguments.has("preset") && arguments.has("config")) {
        throw UsageError(
            "--preset and --config both name all the settings; give one of them, and change it with --set");
    }
    search::Configuration configuration = otherwise;
    if (arguments.has("preset")) configuration = read_preset(arguments.text("preset"));
    if (arguments.has("config")) configuration = read_configuration_file(arguments.text("config"));
    for (const std::string& assignment : arguments.texts("set")) assign(configuration, assignment);
    try {
        search::validate(configuration);
    } catch (const search::ConfigurationError& error) {
        throw UsageError(fmt::format("these settings can't be used: {}", error.what()));
    }
    return configuration;
}

int read_threads(const Arguments& arguments) {
    constexpr std::int64_t most = 1024;
    return arguments.has("threads") ? static_cast<int>(arguments.number("threads", 1, most)) : available_cores();
}

}  // namespace normact::tools
