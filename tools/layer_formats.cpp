#include "tools/layer_formats.h"

#include "evaluator/layer_programs.h"
#include "evaluator/schedule.h"
#include "evaluator/standalone/standalone.h"
#include "primitives/drawing.h"
#include "primitives/json.h"
#include "primitives/pytorch.h"
#include "primitives/terminal_drawing.h"
#include "primitives/text.h"
#include "tools/command.h"
#include "tools/layer_picture.h"
#include "tools/terminal.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace normact::tools {
namespace {

/// How fused engines run the layer while training.
std::string to_schedule(const primitives::Layer& layer) {
    const auto programs = evaluator::layer_programs(layer.graph, layer.settings.epsilon, /*training=*/true);
    return "forward\n\n" + evaluator::to_text(evaluator::schedule(programs.forward)) + "\nbackward\n\n" +
           evaluator::to_text(evaluator::schedule(programs.backward)) + "\ndouble backward\n\n" +
           evaluator::to_text(evaluator::schedule(evaluator::double_backward(programs)));
}

/// What classes and functions are called after. A layer that has nothing but its text form for a name is a "layer".
std::string name_in_code(const primitives::Layer& layer) {
    return layer.name == primitives::to_text(layer.graph) ? "layer" : layer.name;
}

std::string to_pytorch(const primitives::Layer& layer) {
    return primitives::to_pytorch(layer, primitives::class_name(name_in_code(layer)));
}

std::string to_source(const primitives::Layer& layer, evaluator::standalone::Language language) {
    const std::string prefix = evaluator::standalone::function_prefix(name_in_code(layer));
    return evaluator::standalone::source(layer, language, prefix).text;
}

std::string to_c(const primitives::Layer& layer) { return to_source(layer, evaluator::standalone::Language::c); }

std::string to_cuda(const primitives::Layer& layer) { return to_source(layer, evaluator::standalone::Language::cuda); }

}  // namespace

const std::vector<LayerFormat>& layer_formats() {
    static const std::vector<LayerFormat> table{
        {"pytorch", "a Python file with a torch.nn.Module, which needs PyTorch alone", to_pytorch},
        {"c", "C99 that needs no library: forward and backward, fused", to_c},
        {"cuda", "CUDA C++ that needs nvcc alone: forward and backward, fused", to_cuda},
        {"json", "the exchange format, docs/layer.schema.json", primitives::to_json},
        {"text", "the text form", [](const auto& layer) { return primitives::to_text(layer.graph); }},
        {"latex", "a formula for a paper", [](const auto& layer) { return primitives::to_latex(layer.graph); }},
        {"dot", "the graph for Graphviz", primitives::to_dot},
        {"svg", "the graph, drawn by Graphviz", layer_picture},
        {"tree", "the graph as lines for a terminal",
         [](const auto& layer) { return layer_tree(layer.graph, primitives::max_nodes); }},
        {"schedule", "how fused engines run it: sweeps over memory and their traffic", to_schedule},
    };
    return table;
}

const LayerFormat& find_layer_format(const std::string& name) {
    const auto found = std::ranges::find(layer_formats(), name, &LayerFormat::name);
    if (found != layer_formats().end()) return *found;
    if (name == "onnx")
        throw UsageError("ONNX is written by PyTorch: torch.onnx.export of the module that --format pytorch gives");
    throw UsageError(fmt::format("no format '{}'; the formats are {}", name, layer_format_names()));
}

std::string layer_tree(const primitives::LayerGraph& graph, std::size_t most_lines) {
    return primitives::to_terminal(graph, {.unicode = locale_is_utf8(), .most_lines = most_lines});
}

std::string layer_format_names() {
    std::string names;
    for (const LayerFormat& format : layer_formats()) names += (names.empty() ? "" : ", ") + format.name;
    return names;
}

std::string formatted(const LayerFormat& format, primitives::Layer layer) {
    layer.name = printable(layer.name);  // pictures hold no control characters
    std::string text = format.text(layer);
    if (!text.ends_with('\n')) text += '\n';
    return text;
}

}  // namespace normact::tools
