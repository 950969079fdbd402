#include "tools/reevaluation_file.h"

#include "tools/command.h"
#include "tools/terminal.h"
#include "tools/text_file.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <initializer_list>

namespace normact::tools {

using Json = nlohmann::ordered_json;

namespace {

/// null where there is none.
const Json& member(const Json& document, const char* key) {
    static const Json none;
    const auto found = document.is_object() ? document.find(key) : document.end();
    return found == document.end() ? none : *found;
}

bool are_numbers(const Json& document, std::initializer_list<const char*> keys) {
    return std::ranges::all_of(keys, [&](const char* key) {
        const Json& value = member(document, key);
        return value.is_number() || value.is_null();
    });
}

/// True if the layer has what the page reads of it.
bool is_layer(const Json& layer, std::size_t conditions) {
    const Json &found = member(layer, "conditions"), &against_best = member(layer, "against_best");
    return found.is_array() && found.size() == conditions && member(layer, "name").is_string() &&
           member(layer, "text").is_string() && against_best.is_object() &&
           are_numbers(against_best, {"difference", "low", "high"}) &&
           are_numbers(layer,
                       {"candidate", "probability_best", "first_rank", "last_rank", "mean", "margin", "seeds"}) &&
           std::ranges::all_of(found, [](const Json& one) {
               return one.is_object() && are_numbers(one, {"mean", "margin"});
           });
}

/// True if the document has what the page reads of findings on validation or test images.
bool are_findings(const Json& findings) {
    const Json &layers = member(findings, "layers"), &conditions = member(findings, "conditions");
    return layers.is_array() && conditions.is_array() &&
           std::ranges::all_of(conditions, [](const Json& one) { return member(one, "name").is_string(); }) &&
           std::ranges::all_of(layers, [&](const Json& layer) { return is_layer(layer, conditions.size()); });
}

bool is_reevaluation(const Json& document) {
    const Json& test = member(document, "test");
    return member(document, "format") == "normact/reevaluate" && member(document, "version") == 1 &&
           member(document, "study").is_string() && are_findings(member(document, "validation")) &&
           (test.is_null() || are_findings(test));
}

/// True if no candidate that the document numbers is another layer in the study.
bool is_of_study(const Json& document, results::StudyView& study) {
    return std::ranges::all_of(document["validation"]["layers"], [&](const Json& layer) {
        const Json &id = member(layer, "candidate"), &hash = member(layer, "hash");
        if (!id.is_number_integer() || !hash.is_string()) return true;
        auto candidate = study.find(id.get<results::CandidateId>());
        // Of several that compute the same, the one that was trained.
        if (candidate && candidate->evaluated != 0) candidate = study.find(candidate->evaluated);
        return candidate && primitives::to_string(candidate->hash) == hash.get<std::string>();
    });
}

}  // namespace

Json read_reevaluation(const std::string& file, results::StudyView& study) {
    auto found = Json::parse(read_text_file(file), nullptr, /*allow_exceptions=*/false);
    if (!is_reevaluation(found))
        throw UsageError(fmt::format(
            "--reevaluation {}: this is not what normact reevaluate --json prints. Make it so: normact reevaluate "
            "--study STUDY --json > {}",
            file, file));
    if (!is_of_study(found, study))
        throw UsageError(fmt::format("--reevaluation {}: its candidates are not this study's. It was made of {}", file,
                                     printable(found["study"].get<std::string>())));
    return found;
}

}  // namespace normact::tools
