#pragma once

#include "tools/command.h"

// normact search --replay: a search over recorded layers, without training.
namespace normact::tools {

/// Options of `search` that mean something with --replay alone.
std::vector<Option> replay_options();

/// Replays the settings that the arguments ask for, beside the paper's evolution and random search, over many seeds.
int replay(const Arguments& arguments);

}  // namespace normact::tools
