// normact show: one layer as a person, a program, a picture or a paper wants it.

#include "primitives/canonical.h"
#include "primitives/fingerprint.h"
#include "primitives/hash.h"
#include "primitives/json.h"
#include "primitives/terminal_drawing.h"
#include "primitives/text.h"
#include "tools/candidates.h"
#include "tools/command.h"
#include "tools/json_output.h"
#include "tools/layer_argument.h"
#include "tools/layer_details.h"
#include "tools/layer_formats.h"
#include "tools/study_argument.h"
#include "tools/terminal.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <iterator>

namespace normact::tools {
namespace {

using Json = nlohmann::ordered_json;

/// One line of what is known of a layer.
struct Fact {
    std::string name;
    std::string value;
};

std::vector<Fact> facts(const NamedLayer& named) {
    const primitives::LayerGraph canonical = primitives::canonical(named.layer.graph);
    const primitives::Probe probe = primitives::probe(canonical);
    const std::vector<std::string> moments = moments_of(canonical);
    std::vector<Fact> list{
        {"formula", primitives::to_text(named.layer.graph)},
        {"moments", moments.empty() ? "none: a pointwise layer" : fmt::format("{}", fmt::join(moments, ", "))},
        {"nodes", fmt::format("{}, in canonical form {}", named.layer.graph.nodes.size(), canonical.nodes.size())},
        {"groups", fmt::format("{}, epsilon {}", named.layer.settings.groups, named.layer.settings.epsilon)},
        {"hash", primitives::to_string(primitives::hash_canonical(canonical))},
        {"fingerprint", probe.finite ? primitives::to_string(probe.fingerprint) : "none: not finite on the probe"}};
    if (named.entry != nullptr) list.push_back({"source", named.entry->source});
    if (named.entry != nullptr && !named.entry->note.empty()) list.push_back({"note", named.entry->note});
    return list;
}

std::string scores_text(const results::Candidate& candidate) {
    std::string text;
    for (const auto& score : candidate.outcome.scores) {
        text += fmt::format("{}{} {}", text.empty() ? "" : ", ", anchor_of(score.task), accuracy_text(score.accuracy));
    }
    return text;
}

std::vector<Fact> candidate_facts(const NamedLayer& named) {
    const results::Candidate& candidate = named.candidate.value();
    std::vector<Fact> list{{"study", named.study}};
    const std::string parent = candidate.parent ? fmt::format(", child of {}", *candidate.parent) : "";
    list.push_back({"origin", candidate.origin + parent});
    list.push_back({"state", state_name(candidate)});
    if (!candidate.outcome.reason.empty()) list.push_back({"reason", candidate.outcome.reason});
    if (const auto mean = results::mean_accuracy(candidate.outcome.scores)) {
        const bool audited = candidate.state == results::Candidate::State::rejected;
        list.push_back({"accuracy", fmt::format("{}{} on average: {}", audited ? "(audited) " : "",
                                                accuracy_text(*mean), scores_text(candidate))});
    }
    if (candidate.evaluated != 0 && candidate.evaluated != candidate.id) {
        list.push_back({"duplicate",
                        fmt::format("computes the same as candidate {}, and shares its outcome", candidate.evaluated)});
    }
    return list;
}

std::string for_people(const NamedLayer& named) {
    std::vector<Fact> list = facts(named);
    if (named.candidate) std::ranges::move(candidate_facts(named), std::back_inserter(list));
    std::string text = printable(named.layer.name) + "\n";
    for (const Fact& fact : list) text += fmt::format("  {:<11}  {}\n", fact.name, printable(fact.value));
    constexpr std::size_t screen = 40;  // lines: a layer of a search is drawn whole, a huge one begins
    return text + "\n" + layer_tree(named.layer.graph, screen);
}

Json for_programs(const NamedLayer& named) {
    const primitives::LayerGraph canonical = primitives::canonical(named.layer.graph);
    const primitives::Probe probe = primitives::probe(canonical);
    Json document{{"format", "normact/show"},
                  {"version", 1},
                  {"name", named.layer.name},
                  {"text", primitives::to_text(named.layer.graph)},
                  {"moments", moments_of(canonical)},
                  {"hash", primitives::to_string(primitives::hash_canonical(canonical))},
                  {"fingerprint", probe.finite ? Json(primitives::to_string(probe.fingerprint)) : Json()},
                  {"source", named.entry != nullptr ? Json(named.entry->source) : Json()},
                  {"note", named.entry != nullptr ? Json(named.entry->note) : Json()},
                  {"layer", Json::parse(primitives::to_json(named.layer))}};
    document["candidate"] = named.candidate ? to_json(*named.candidate, named.layer.settings) : Json();
    return document;
}

int run(const Arguments& arguments) {
    if (arguments.has("format") && arguments.has("json")) {
        throw UsageError("--json tells all that is known, --format json prints the layer alone; give one of them");
    }
    const LayerFormat* format = arguments.has("format") ? &find_layer_format(arguments.text("format")) : nullptr;
    const NamedLayer named = read_layer(arguments.operands().front(), arguments);
    if (arguments.has("json")) {
        answer(printed(for_programs(named)));
    } else if (format != nullptr) {
        answer(formatted(*format, named.layer));
    } else {
        answer(for_people(named));
    }
    return fine;
}

}  // namespace

const Command& show_command() {
    static const Command command{
        .name = "show",
        .summary = "One layer: what is known of it, or as text, json, dot, svg, latex, schedule, tree, code.",
        .operands = "LAYER",
        .least_operands = 1,
        .most_operands = 1,
        .options = {{"format", "FORMAT", "print it in this format and nothing else: " + layer_format_names(), {}},
                    study_option("the study of a candidate's id (default: the only one in this folder)"),
                    {"json", "", "print what is known of it as JSON, see docs/commands.md", {}}},
        .details =
            "Examples:\n  normact show EvoNorm-S0\n  normact show 17 --study demo.study.db\n"
            "  normact show 'x/max(std_batch(x), v1*x + std_instance(x))' --format svg > layer.svg\n\n" +
            layer_help(),
        .run = run};
    return command;
}

}  // namespace normact::tools
