// normact diff: how two layers differ, and whether they are the same function.

#include "primitives/canonical.h"
#include "primitives/difference.h"
#include "primitives/function_comparison.h"
#include "primitives/hash.h"
#include "primitives/json.h"
#include "primitives/marked_texts.h"
#include "primitives/text.h"
#include "tools/command.h"
#include "tools/json_output.h"
#include "tools/layer_argument.h"
#include "tools/study_argument.h"
#include "tools/terminal.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <unistd.h>

namespace normact::tools {
namespace {

using Json = nlohmann::ordered_json;
using primitives::Difference;
using primitives::FunctionComparison;
using primitives::LayerGraph;
using primitives::Likeness;
using primitives::MarkedText;

/// Two layers and all that is said of them.
struct Comparison {
    NamedLayer before, after;
    Difference difference;
    std::array<MarkedText, 2> texts;
    FunctionComparison functions;
};

Comparison compared(NamedLayer before, NamedLayer after) {
    Comparison comparison{std::move(before), std::move(after), {}, {}, {}};
    comparison.difference = primitives::difference(comparison.before.layer.graph, comparison.after.layer.graph);
    comparison.texts = primitives::marked_texts(comparison.difference);
    comparison.functions = primitives::compare_functions(comparison.difference.before, comparison.difference.after);
    return comparison;
}

/// The settings in which the layers differ and on which one of them depends, in words; empty if there are none.
std::string settings_text(const Comparison& comparison) {
    const auto& [before, after] = std::pair(comparison.before.layer, comparison.after.layer);
    const auto either = [&](auto what) {
        return primitives::uses(before.graph, what) || primitives::uses(after.graph, what);
    };
    std::vector<std::string> list;
    if (before.settings.groups != after.settings.groups && either(primitives::IndexSet::group))
        list.push_back(fmt::format("groups {} and {}", before.settings.groups, after.settings.groups));
    if (before.settings.epsilon != after.settings.epsilon &&
        (either(primitives::Op::std) || either(primitives::Op::rms)))
        list.push_back(fmt::format("epsilon {} and {}", before.settings.epsilon, after.settings.epsilon));
    return fmt::format("{}", fmt::join(list, ", "));
}

/// A text form over a line that points out what differs; where that would not fit, with the difference in brackets.
std::string marked(const MarkedText& marked, std::string_view open, std::string_view close, std::size_t indent,
                   std::size_t width) {
    if (indent + marked.text.size() <= width) {
        std::string line;
        for (const auto& [begin, end] : marked.marks)
            line += std::string(begin - line.size(), ' ') + std::string(end - begin, '^');
        return marked.text + (line.empty() ? "" : "\n" + std::string(indent, ' ') + line);
    }
    std::string text;
    std::size_t at = 0;
    for (const auto& [begin, end] : marked.marks) {
        text += fmt::format("{}{}{}{}", marked.text.substr(at, begin - at), open,
                            marked.text.substr(begin, end - begin), close);
        at = end;
    }
    return text + marked.text.substr(at);
}

std::string same_text(const FunctionComparison& functions) {
    const std::string probes = fmt::format("in training, on {} small random tensors, in double", functions.tensors);
    switch (primitives::likeness(functions)) {
        case Likeness::same_form:
            return "the same, for certain: equal canonical forms";
        case Likeness::same_on_probes:
            return fmt::format(
                "the same, very likely: outputs differ by at most {:.0e} of the largest\n{}. "
                "No proof: they may differ elsewhere",
                functions.largest_difference, probes);
        case Likeness::unknown:
            return "not known: neither is finite on any random tensor";
        case Likeness::different:
            break;
    }
    if (functions.tensors == 0) return "not the same: where one of them is finite, the other is not";
    std::string text = fmt::format("not the same: outputs differ by up to {:.3g}% of the largest\n{}",
                                   100 * functions.largest_difference, probes);
    if (functions.not_finite_in_one > 0)
        text += fmt::format("; on {} others one of them is not finite", functions.not_finite_in_one);
    text += fmt::format("\n{:.2f}% of one's variance is the other's, after the best affine of each channel",
                        100 * functions.explained);
    return text;
}

constexpr std::size_t longest_part = 60;

std::string part_text(const LayerGraph& graph, std::uint16_t node) {
    return primitives::to_text(primitives::part_at(graph, node));
}

/// What single nodes compute, each clipped; of many the first.
std::string parts_text(const LayerGraph& graph, const std::vector<std::uint16_t>& nodes) {
    constexpr std::size_t most = 10;
    std::vector<std::string> parts;
    for (std::size_t i = 0; i < std::min(most, nodes.size()); ++i)
        parts.push_back(clipped(part_text(graph, nodes[i]), longest_part));
    if (nodes.size() > most) parts.push_back(fmt::format("{} more", nodes.size() - most));
    return fmt::format("{}", fmt::join(parts, "; "));
}

std::string changes_text(const Difference& difference) {
    std::string text = difference.is_one_mutation ? "one mutation" : "more than one mutation";
    for (const auto& [before, after] : difference.changed)
        text += fmt::format("\n{} → {}", clipped(part_text(difference.before, before), longest_part),
                            clipped(part_text(difference.after, after), longest_part));
    return text;
}

/// A fact with its value, whose further lines are indented below the first.
std::string fact(std::string_view name, std::string_view value) {
    std::string text = fmt::format("{:<9}  ", name);
    const std::string indent(text.size(), ' ');
    for (const char c : value) text += c == '\n' ? "\n" + indent : std::string(1, c);
    return text + "\n";
}

bool uses_batch_moments(const Difference& difference) {
    return primitives::uses(difference.before, primitives::IndexSet::batch) ||
           primitives::uses(difference.after, primitives::IndexSet::batch);
}

std::string for_people(const Comparison& comparison) {
    constexpr std::size_t usual = 100, indent = 11;
    const std::size_t width = terminal_width(STDOUT_FILENO).value_or(usual);
    const Difference& difference = comparison.difference;
    std::string text = fact("before", printable(comparison.before.layer.name));
    text += fact("", marked(comparison.texts[0], "[-", "-]", 0, width - std::min(width, indent)));
    text += fact("after", printable(comparison.after.layer.name));
    text += fact("", marked(comparison.texts[1], "{+", "+}", 0, width - std::min(width, indent)));
    text += "\n" + fact("function", same_text(comparison.functions));
    if (primitives::likeness(comparison.functions) == Likeness::same_on_probes && uses_batch_moments(difference))
        text += fact("", "In evaluation, where averages stand for batch moments, they may differ.");
    if (const std::string settings = settings_text(comparison); !settings.empty())
        text += fact("settings", settings + ": compared as if they were equal");
    if (difference.is_empty()) return text;
    text += fact("changes", changes_text(difference));
    if (!difference.removed.empty()) text += fact("removed", parts_text(difference.before, difference.removed));
    if (!difference.added.empty()) text += fact("added", parts_text(difference.after, difference.added));
    return text + fact("kept", fmt::format("{} of {} nodes", difference.kept.size(), difference.before.nodes.size()));
}

Json side(const NamedLayer& named, const LayerGraph& graph, const MarkedText& text) {
    Json marks = Json::array();
    for (const auto& [begin, end] : text.marks) marks.push_back({begin, end});
    return {{"name", named.layer.name},
            {"hash", primitives::to_string(primitives::hash(graph))},
            {"text", text.text},
            {"marks", marks},
            {"layer", Json::parse(primitives::to_json({named.layer.name, graph, named.layer.settings}))}};
}

std::string_view word(Likeness likeness) {
    switch (likeness) {
        case Likeness::same_form:
            return "same form";
        case Likeness::same_on_probes:
            return "same on probes";
        case Likeness::different:
            return "different";
        case Likeness::unknown:
            break;
    }
    return "unknown";
}

Json for_programs(const Comparison& comparison) {
    const Difference& difference = comparison.difference;
    const FunctionComparison& functions = comparison.functions;
    Json kept = Json::array(), changed = Json::array();
    for (const auto& [before, after] : difference.kept) kept.push_back({before, after});
    for (const auto& [before, after] : difference.changed)
        changed.push_back({{"before", before},
                           {"after", after},
                           {"from", part_text(difference.before, before)},
                           {"to", part_text(difference.after, after)}});
    const Json measured{{"tensors", functions.tensors},
                        {"not_finite_in_one", functions.not_finite_in_one},
                        {"largest_difference", functions.tensors > 0 ? Json(functions.largest_difference) : Json()},
                        {"explained", functions.tensors > 0 ? Json(functions.explained) : Json()}};
    return {{"format", "normact/diff"},
            {"version", 1},
            {"before", side(comparison.before, difference.before, comparison.texts[0])},
            {"after", side(comparison.after, difference.after, comparison.texts[1])},
            {"likeness", word(primitives::likeness(functions))},
            {"same_fingerprint", functions.same_fingerprint},
            {"functions", measured},
            {"settings", settings_text(comparison)},
            {"is_one_mutation", difference.is_one_mutation},
            {"kept", kept},
            {"changed", changed},
            {"removed", difference.removed},
            {"added", difference.added}};
}

int run(const Arguments& arguments) {
    const Comparison comparison =
        compared(read_layer(arguments.operands()[0], arguments), read_layer(arguments.operands()[1], arguments));
    answer(arguments.has("json") ? printed(for_programs(comparison)) : for_people(comparison));
    return fine;
}

}  // namespace

const Command& diff_command() {
    static const Command command{
        .name = "diff",
        .summary = "How two layers differ, and whether they are the same function.",
        .operands = "LAYER LAYER",
        .least_operands = 2,
        .most_operands = 2,
        .options = {study_option("the study of candidates' ids (default: the only one in this folder)"),
                    {"json", "", "print JSON, see docs/commands.md", {}}},
        .details = "Examples:\n  normact diff EvoNorm-S0 EvoNorm-S1\n  normact diff 1 17 --study demo.study.db\n\n" +
                   layer_help(),
        .run = run};
    return command;
}

}  // namespace normact::tools
