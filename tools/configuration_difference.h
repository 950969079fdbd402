#pragma once

#include "search/configuration.h"

#include <string>
#include <vector>

namespace normact::tools {

/// A setting in which two configurations differ.
struct Difference {
    std::string key;     ///< "scoring.training.steps"
    std::string first;   ///< its value in the first one, as JSON
    std::string second;  ///< its value in the second one
};

/// Where they differ, in the order of the file format. How a study ends (budget.*) and the name of the preset it
/// started from are no part of what it is, and are left out.
std::vector<Difference> differences(const search::Configuration& first, const search::Configuration& second);

}  // namespace normact::tools
