#pragma once

#include "results/study.h"
#include "search/configuration.h"
#include "tools/command.h"

#include <memory>
#include <string>
#include <vector>

namespace normact::tools {

/// How the file of a study ends when the program names it.
inline constexpr std::string_view study_ending = ".study.db";

/// The option --study.
Option study_option(const std::string& help);

/// The study's file: the one that --study names, else the only file of the working folder that ends in .study.db.
/// Throws UsageError if there are none or several, std::runtime_error if no file lies where it is named.
std::string existing_study(const Arguments& arguments);

/// The files of the working folder that end in .study.db, in alphabetical order.
std::vector<std::string> studies_in_working_folder();

/// An open study and the configuration that it was made with.
struct Study {
    std::string path;
    std::unique_ptr<results::Store> store;
    search::Configuration configuration;
};

/// Throws StoreError.
Study open_study(const std::string& path);
/// What the open study at this path was made with. Throws StoreError.
search::Configuration configuration_of(const std::string& path, results::Store& store);
/// The same, read already.
search::Configuration configuration_of(const std::string& path, const std::string& stored);

/// The graph that gave a candidate its scores: of several candidates with one function, the first one's. A candidate
/// without an evaluation has its own. Throws StoreError.
primitives::LayerGraph trained_graph(const Study& study, const results::Candidate& candidate);

}  // namespace normact::tools
