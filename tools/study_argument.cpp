#include "tools/study_argument.h"

#include "tools/invocation.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>

namespace normact::tools {
std::vector<std::string> studies_in_working_folder() {
    std::vector<std::string> studies;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(".", error)) {
        const std::string name = entry.path().filename().string();
        if (name.ends_with(study_ending)) studies.push_back(name);
    }
    std::ranges::sort(studies);
    return studies;
}

Option study_option(const std::string& help) { return {"study", "PLACE", help, {}}; }

namespace {

/// Throws std::runtime_error, with the studies that are here, where a file that was named is not there.
void require_study_at(const std::string& place) {
    std::error_code error;
    if (results::is_in_postgresql(place) ||
        std::filesystem::symlink_status(place, error).type() != std::filesystem::file_type::not_found)
        return;
    const std::vector<std::string> studies = studies_in_working_folder();
    throw std::runtime_error(fmt::format("{}: there is no study{}. Start one with: {}", place,
                                         studies.empty() ? "" : fmt::format("; here are {}", fmt::join(studies, ", ")),
                                         command_line({"search", "--study", place})));
}

}  // namespace

std::string existing_study(const Arguments& arguments) {
    if (arguments.has("study")) {
        require_study_at(arguments.text("study"));
        return arguments.text("study");
    }
    const std::vector<std::string> studies = studies_in_working_folder();
    if (studies.size() == 1) return studies.front();
    if (studies.empty()) {
        throw UsageError(
            fmt::format("no study here (no file that ends in {}); name one with --study FILE, or start one: {}",
                        study_ending, command_line({"search"})));
    }
    throw UsageError(fmt::format("several studies here; name one with --study: {}", fmt::join(studies, ", ")));
}

search::Configuration configuration_of(const std::string& path, results::Store& store) {
    return configuration_of(path, store.configuration());
}

search::Configuration configuration_of(const std::string& path, const std::string& stored) {
    try {
        return search::parse_configuration(stored);
    } catch (const search::ConfigurationError& error) {
        throw results::StoreError(
            fmt::format("{}: this release can't read the study's configuration: {}. Use the release of normact that "
                        "made the study.",
                        path, error.what()));
    }
}

Study open_study(const std::string& path) {
    auto store = results::open_study(path);
    search::Configuration configuration = configuration_of(path, *store);
    return {path, std::move(store), std::move(configuration)};
}

primitives::LayerGraph trained_graph(const Study& study, const results::Candidate& candidate) {
    if (candidate.evaluated == 0 || candidate.evaluated == candidate.id) return candidate.graph;
    const auto trained = study.store->find(candidate.evaluated);
    if (trained) return trained->graph;
    throw results::StoreError(
        fmt::format("{}: the study is damaged: candidate {}, which was trained for candidate {}, "
                    "is missing. Restore the file from a copy",
                    study.path, candidate.evaluated, candidate.id));
}

}  // namespace normact::tools
