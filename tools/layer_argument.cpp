#include "tools/layer_argument.h"

#include "primitives/json.h"
#include "primitives/nearest_name.h"
#include "primitives/text.h"
#include "tools/invocation.h"
#include "tools/study_argument.h"
#include "tools/terminal.h"
#include "tools/text_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <utility>
#include <vector>

namespace normact::tools {
namespace {

std::optional<results::CandidateId> candidate_id(std::string_view word) {
    if (word.starts_with('#')) word.remove_prefix(1);
    results::CandidateId id = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), id);
    const bool whole = error == std::errc() && end == word.data() + word.size();
    return whole && id > 0 ? std::optional(id) : std::nullopt;
}

NamedLayer read_candidate(results::CandidateId id, const Arguments& arguments) {
    const Study study = open_study(existing_study(arguments));
    const auto candidate = study.store->find(id);
    if (!candidate) throw UsageError(fmt::format("{} has no candidate {}", study.path, id));
    NamedLayer named;
    named.layer = {fmt::format("candidate {}", id), candidate->graph, study.configuration.scoring.layer};
    named.candidate = candidate;
    named.study = study.path;
    return named;
}

NamedLayer read_file(const std::string& path) {
    NamedLayer named;
    try {
        named.layer = primitives::parse_json(read_text_file(path));
    } catch (const primitives::InvalidGraph& error) {
        throw primitives::InvalidGraph(fmt::format("{}: {}. Such a file is made by: {}", path, error.what(),
                                                   command_line({"export", "LAYER", "--format", "json"})));
    }
    if (named.layer.name.empty()) named.layer.name = std::filesystem::path(path).stem().string();
    return named;
}

/// The words on indented lines of at most so many columns, each line after a line end.
std::string wrapped(const std::vector<std::string>& words, std::size_t width) {
    std::string text;
    std::string line;
    for (const std::string& word : words) {
        if (!line.empty() && line.size() + 1 + word.size() > width) text += std::exchange(line, {});
        line += (line.empty() ? "\n  " : " ") + word;
    }
    return text + line;
}

/// A layer without a name is called by its text form, or by its hash where that is too long for a name.
std::string name_of(const primitives::LayerGraph& graph) {
    constexpr std::size_t digits = 8;
    std::string text = primitives::to_text(graph);
    if (text.size() <= primitives::max_name_bytes) return text;
    return "layer " + primitives::to_string(primitives::hash(graph)).substr(0, digits);
}

NamedLayer read_text_form(const std::string& word) {
    NamedLayer named;
    try {
        named.layer.graph = primitives::parse_text(word);
        named.layer.name = name_of(named.layer.graph);
        return named;
    } catch (const primitives::InvalidGraph& error) {
        if (const auto nearest = primitives::nearest_name(word, primitives::catalogue_names())) {
            throw UsageError(fmt::format("no layer '{}'; did you mean {}?", word, *nearest));
        }
        constexpr std::size_t shown = 60;
        throw UsageError(fmt::format("'{}' is no layer. As a text form: {}\n\n{}", clipped(word, shown), error.what(),
                                     layer_help()));
    }
}

}  // namespace

std::string layer_help() {
    return "A layer is one of\n"
           "  EvoNorm-S0                      a name of the catalogue\n"
           "  'x*sigmoid(v1*x)/std_group(x)'  a text form\n"
           "  layer.json                      a file of the exchange format, docs/layer.schema.json\n"
           "  17                              a candidate's id, with --study\n\n"
           "The catalogue:" +
           wrapped(primitives::catalogue_names(), 100) + "\n";
}

NamedLayer read_layer(const std::string& word, const Arguments& arguments) {
    if (const auto id = candidate_id(word)) return read_candidate(*id, arguments);
    if (const auto* entry = primitives::find_in_catalogue(word)) return {entry->layer, entry, {}, {}};
    if (word.ends_with(".json")) return read_file(word);
    return read_text_form(word);
}

primitives::Layer trained_layer(const NamedLayer& named, const proxy_tasks::ScoringSettings& scoring) {
    primitives::Layer layer = named.layer;
    if (named.candidate) layer.graph = trained_graph(open_study(named.study), *named.candidate);
    if (named.candidate || layer.settings == primitives::LayerSettings()) layer.settings = scoring.layer;
    return layer;
}

}  // namespace normact::tools
