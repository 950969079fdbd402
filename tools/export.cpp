// normact export: takes a layer away, as code, data or picture.

#include "primitives/json.h"
#include "tools/command.h"
#include "tools/layer_argument.h"
#include "tools/layer_formats.h"
#include "tools/output_file.h"
#include "tools/study_argument.h"
#include "tools/terminal.h"

#include <fmt/format.h>

#include <utility>

namespace normact::tools {
namespace {

void check_name(const std::string& name) {
    if (name.size() > primitives::max_name_bytes)
        throw UsageError(
            fmt::format("--name has {} bytes; at most {} are allowed", name.size(), primitives::max_name_bytes));
}

int run(const Arguments& arguments) {
    if (!arguments.has("format")) {
        throw UsageError(fmt::format("which format? --format FORMAT with one of {}", layer_format_names()));
    }
    const LayerFormat& format = find_layer_format(arguments.text("format"));
    if (arguments.has("name")) check_name(arguments.text("name"));
    primitives::Layer layer = read_layer(arguments.operands().front(), arguments).layer;
    if (arguments.has("name")) layer.name = arguments.text("name");
    const std::string text = formatted(format, std::move(layer));
    if (arguments.has("output")) {
        replace_text_file(arguments.text("output"), text);
    } else {
        answer(text);
    }
    return fine;
}

std::string list_of_formats() {
    std::string list = "The formats:\n";
    for (const LayerFormat& format : layer_formats()) list += fmt::format("  {:<8}  {}\n", format.name, format.help);
    return list;
}

}  // namespace

const Command& export_command() {
    static const Command command{
        .name = "export",
        .summary = "Take a layer away: into PyTorch, C, CUDA, a formula, a picture.",
        .operands = "LAYER",
        .least_operands = 1,
        .most_operands = 1,
        .options = {{"format", "FORMAT", fmt::format("one of {}", layer_format_names()), {}},
                    {"output", "FILE", "write there, at once, instead of to the standard output", {}},
                    {"name", "NAME", "call the layer so; classes and functions are named after it", {}},
                    study_option("the study of a candidate's id (default: the only one in this folder)")},
        .details =
            "Examples:\n  normact export EvoNorm-S0 --format pytorch --output evonorm_s0.py\n"
            "  normact export 17 --study demo.study.db --format c --name best -o best.c\n\n" +
            list_of_formats() + "\n" + layer_help(),
        .run = run};
    return command;
}

}  // namespace normact::tools
