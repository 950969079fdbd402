// normact bench: how fast layers run on this machine, by engine.

#include "evaluator/layer_cost.h"
#include "evaluator/layer_speed.h"
#include "primitives/catalogue.h"
#include "primitives/space.h"
#include "primitives/text.h"
#include "tools/command.h"
#include "tools/json_output.h"
#include "tools/layer_argument.h"
#include "tools/machine.h"
#include "tools/study_argument.h"
#include "tools/table.h"
#include "tools/terminal.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <iterator>
#include <optional>
#include <unistd.h>

namespace normact::tools {
namespace {

using evaluator::LayerSpeed;
using evaluator::SpeedTask;
using Json = nlohmann::ordered_json;

/// The measured engine, and what it is compared with.
const std::vector<std::string> engines{"cpu", "aten"};

struct Row {
    primitives::Layer layer;
    std::string memory_format;
    std::vector<LayerSpeed> speeds;  ///< of each engine
    double floor;                    ///< ms that forward and backward take at the speed of a copy
};

double times_faster(const Row& row) { return row.speeds[1].forward_backward / row.speeds[0].forward_backward; }
double share_of_floor(const Row& row) { return row.floor / row.speeds[0].forward_backward; }

/// Nothing where there are no rows.
std::optional<double> geometric_mean(const std::vector<Row>& rows, double (*value)(const Row&)) {
    if (rows.empty()) return std::nullopt;
    double sum = 0;
    for (const Row& row : rows) sum += std::log(value(row));
    return std::exp(sum / static_cast<double>(rows.size()));
}

std::array<std::int64_t, 4> parse_shape(const std::string& text) {
    constexpr std::int64_t most_elements = std::int64_t{1} << 30;
    std::array<std::int64_t, 4> shape{};
    const char* position = text.data();
    const char* const end = position + text.size();
    std::int64_t elements = 1;
    bool fits = true;
    for (std::size_t i = 0; i < shape.size() && fits; ++i) {
        if (i > 0) {
            fits = position != end && *position == ',';
            if (!fits) break;
            ++position;
        }
        const auto [next, error] = std::from_chars(position, end, shape[i]);
        fits = error == std::errc() && shape[i] >= 1 && shape[i] <= most_elements / elements;
        position = next;
        if (fits) elements *= shape[i];
    }
    if (!fits || position != end)
        throw UsageError(
            fmt::format("--shape is '{}'; it must be N,C,H,W, such as 128,64,32,32, of at most 2^30 elements", text));
    return shape;
}

/// The layers that were asked for, else the catalogue; then random ones.
std::vector<primitives::Layer> layers_of(const Arguments& arguments) {
    constexpr std::int64_t most_random = 100'000;
    std::vector<primitives::Layer> layers;
    for (const std::string& word : arguments.operands()) layers.push_back(read_layer(word, arguments).layer);
    if (layers.empty())
        for (const auto& entry : primitives::catalogue()) layers.push_back(entry.layer);
    Generator generator(1);
    const auto count = static_cast<std::size_t>(arguments.number("random", 0, most_random));
    for (const primitives::LayerGraph& graph : primitives::sample_graphs(generator, count))
        layers.push_back({.name = primitives::to_text(graph), .graph = graph, .settings = {}});
    return layers;
}

std::string table_of(const std::vector<Row>& rows) {
    using enum Column::Side;
    std::vector<Column> layout{{"format", left}};
    for (const std::string& engine : engines) {
        layout.push_back({engine + " forward", right});
        layout.push_back({"+ backward", right});
    }
    layout.insert(layout.end(), {{"faster", right}, {"of floor", right}, {"compile", right}, {"layer", left}});
    std::vector<std::vector<std::string>> cells;
    for (const Row& row : rows) {
        std::vector<std::string> line{row.memory_format};
        for (const LayerSpeed& speed : row.speeds) {
            line.push_back(fmt::format("{:.2f}", speed.forward));
            line.push_back(fmt::format("{:.2f}", speed.forward_backward));
        }
        line.push_back(fmt::format("{:.1f}x", times_faster(row)));
        line.push_back(fmt::format("{:.0f}%", 100 * share_of_floor(row)));
        line.push_back(fmt::format("{:.2f}", row.speeds[0].compile));
        line.push_back(row.layer.name);
        cells.push_back(std::move(line));
    }
    return aligned(layout, cells, terminal_width(STDOUT_FILENO));
}

std::string summary_of(const std::vector<Row>& rows) {
    std::vector<Row> bound_by_traffic;
    std::ranges::copy_if(rows, std::back_inserter(bound_by_traffic),
                         [](const Row& row) { return !evaluator::has_transcendental(row.layer); });
    std::string text = fmt::format("Geometric means: {:.1f}x faster", *geometric_mean(rows, times_faster));
    if (const auto share = geometric_mean(bound_by_traffic, share_of_floor))
        text += fmt::format("; of the floor {:.0f}% for layers without exp, log, sigmoid and tanh", 100 * *share);
    return text + "\n";
}

Json document_of(const std::vector<Row>& rows, const SpeedTask& task) {
    Json list = Json::array();
    for (const Row& row : rows) {
        Json speeds;
        for (std::size_t i = 0; i < engines.size(); ++i)
            speeds[engines[i]] = {{"compile", row.speeds[i].compile / 1e3},
                                  {"forward", row.speeds[i].forward / 1e3},
                                  {"forward_backward", row.speeds[i].forward_backward / 1e3}};
        list.push_back({{"name", row.layer.name},
                        {"memory_format", row.memory_format},
                        {"engines", std::move(speeds)},
                        {"floor", row.floor / 1e3}});
    }
    return {{"format", "normact/bench"},
            {"version", 1},
            {"shape", task.shape},
            {"threads", task.threads},
            {"layers", std::move(list)}};
}

int run(const Arguments& arguments) {
    constexpr int most_threads = 1024, most_runs = 10'000;
    SpeedTask task{.shape = parse_shape(arguments.text("shape")),
                   .channels_last = false,
                   .threads = static_cast<int>(arguments.number("threads", 1, most_threads)),
                   .runs = static_cast<int>(arguments.number("runs", 1, most_runs))};
    std::vector<Row> rows;
    for (const primitives::Layer& layer : layers_of(arguments)) {
        for (const bool channels_last : {false, true}) {
            task.channels_last = channels_last;
            const auto elements = static_cast<double>(task.shape[0] * task.shape[1] * task.shape[2] * task.shape[3]);
            // Beside each layer: the machine may be slower a minute later.
            const double floor = evaluator::copy_speed(task) * evaluator::layer_cost(layer.graph).bytes * elements;
            rows.push_back({layer, channels_last ? "channels_last" : "contiguous",
                            evaluator::layer_speeds(layer, engines, task), floor});
        }
    }
    if (arguments.has("json")) {
        answer(printed(document_of(rows, task)));
        return fine;
    }
    answer(fmt::format(
        "Milliseconds at {}, {} thread{}, medians of {}. faster: forward + backward beside aten, the composed "
        "reference.\n"
        "of floor: what the least traffic takes at the speed of a copy, as a share of what it took.\n\n{}\n{}",
        arguments.text("shape"), task.threads, task.threads == 1 ? "" : "s", task.runs, table_of(rows),
        summary_of(rows)));
    return fine;
}

}  // namespace

const Command& bench_command() {
    static const Command command{
        .name = "bench",
        .summary = "How fast layers run on this machine, beside composed operations.",
        .operands = "LAYER...",
        .most_operands = 1000,
        .options = {{"shape", "N,C,H,W", "the shape of x", "128,64,32,32"},
                    {"threads", "N", "how many threads", std::to_string(available_cores())},
                    {"runs", "N", "how many runs, of which the median is taken", "10"},
                    {"random", "N", "so many random layers, too", "0"},
                    study_option("the study of a candidate's id (default: the only one in this folder)"),
                    {"json", "", "print JSON, see docs/commands.md", {}}},
        .details =
            "Without a layer: all of the catalogue.\n\nExamples:\n  normact bench EvoNorm-S0 BN-ReLU\n"
            "  normact bench --random 64 --shape 64,16,16,16 --threads 1\n\n" +
            layer_help(),
        .run = run};
    return command;
}

}  // namespace normact::tools
