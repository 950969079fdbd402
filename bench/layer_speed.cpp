// How long a catalogue layer takes on this machine, forward without gradients and forward with backward: the same
// quantities as a PyTorch user measures with timm's layers.
//
//     layer_speed [--shape N,C,H,W] [--threads T] [--runs R] [--layers NAME,NAME…] [--engine NAME]
//
// Medians in ms after 3 warm-up runs, for both memory formats; compare only within one run of one machine.

#include "evaluator/layer_module.h"
#include "primitives/catalogue.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace normact;

std::vector<std::string> split(const std::string& list) {
    std::vector<std::string> parts;
    std::istringstream stream(list);
    for (std::string part; std::getline(stream, part, ',');) parts.push_back(part);
    return parts;
}

std::map<std::string, std::string> parse_options(int count, char** arguments) {
    std::map<std::string, std::string> options{{"--shape", "128,64,32,32"},
                                               {"--threads", "2"},
                                               {"--runs", "10"},
                                               {"--engine", "aten"},
                                               {"--layers",
                                                "BN-ReLU,BN-SiLU,GN-ReLU,GN-SiLU,LN-ReLU,FRN-TLU,EvoNorm-B0,"
                                                "EvoNorm-B1,EvoNorm-B2,EvoNorm-S0,EvoNorm-S1,EvoNorm-S2"}};
    for (int i = 1; i < count; i += 2) {
        const auto option = options.find(arguments[i]);
        if (option == options.end() || i + 1 == count)
            throw std::invalid_argument("unknown option or no value: " + std::string(arguments[i]));
        option->second = arguments[i + 1];
    }
    return options;
}

template <typename Run>
double median_ms(int runs, const Run& run) {
    using Clock = std::chrono::steady_clock;
    for (int warm_up = 0; warm_up < 3; ++warm_up) run();
    std::vector<double> times;
    for (int i = 0; i < runs; ++i) {
        const Clock::time_point start = Clock::now();
        run();
        times.push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
    }
    std::ranges::nth_element(times, times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2));
    return times[times.size() / 2];
}

struct Times {
    double forward, forward_backward;
};

Times measure(evaluator::LayerModule& layer, const at::Tensor& x, const at::Tensor& gradient, int runs) {
    return {median_ms(runs,
                      [&] {
                          const at::NoGradGuard no_grad;
                          layer(x);
                      }),
            median_ms(runs, [&] { layer(x.detach().requires_grad_()).backward(gradient); })};
}

int run(int count, char** arguments) {
    auto options = parse_options(count, arguments);
    at::set_num_threads(std::stoi(options["--threads"]));
    std::vector<std::int64_t> shape;
    for (const std::string& size : split(options["--shape"])) shape.push_back(std::stoll(size));
    const int runs = std::stoi(options["--runs"]);
    std::printf("ms at %s, %s threads  contiguous          channels_last\n", options["--shape"].c_str(),
                options["--threads"].c_str());
    std::printf("%-14s %12s %12s %12s %12s\n", "layer", "forward", "+backward", "forward", "+backward");
    for (const std::string& name : split(options["--layers"])) {
        const primitives::CatalogueEntry* entry = primitives::find_in_catalogue(name);
        if (entry == nullptr) throw std::invalid_argument("the catalogue has no layer " + name);
        std::printf("%-14s", name.c_str());
        for (const at::MemoryFormat format : {at::MemoryFormat::Contiguous, at::MemoryFormat::ChannelsLast}) {
            const auto& engine = evaluator::find_engine(options["--engine"]);
            evaluator::LayerModule layer(engine.compile(entry->layer.graph, entry->layer.settings), shape.at(1));
            const at::Tensor x = at::randn(shape).contiguous(format);
            const Times times = measure(layer, x, at::randn(shape).contiguous(format), runs);
            std::printf(" %12.3f %12.3f", times.forward, times.forward_backward);
            std::fflush(stdout);
        }
        std::printf("\n");
    }
    return 0;
}

}  // namespace

int main(int count, char** arguments) try { return run(count, arguments); } catch (const std::exception& error) {
    std::fprintf(stderr, "layer_speed: %s\n", error.what());
    return 1;
}
