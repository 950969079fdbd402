#pragma once

#include "search/configuration.h"
#include "tools/command.h"

#include <string>
#include <vector>

namespace normact::tools {

/// The options that make a configuration, --preset, --config and --set, and --threads.
std::vector<Option> settings_options();

/// True if a configuration is named as a whole: with --preset or --config.
bool names_settings(const Arguments& arguments);

/// The configuration that the options ask for: the preset's or the file's, or `otherwise` if none is named, changed by
/// each --set. Throws UsageError for what is wrong in the options or in the file.
search::Configuration read_settings(const Arguments& arguments, const search::Configuration& otherwise);

/// The option --threads.
Option threads_option();
/// Its value, or the cores that this process may use.
int read_threads(const Arguments& arguments);

}  // namespace normact::tools
