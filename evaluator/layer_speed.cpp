#include "evaluator/layer_speed.h"

#include "evaluator/layer_module.h"
#include "evaluator/layer_programs.h"
#include "evaluator/parallel.h"
#include "evaluator/schedule.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <chrono>
#include <cstring>

namespace normact::evaluator {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int warm_ups = 3;

template <typename Run>
double milliseconds(const Run& run) {
    const Clock::time_point start = Clock::now();
    run();
    return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

double median(std::vector<double> times) {
    const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
    std::ranges::nth_element(times, middle);
    return *middle;
}

at::Tensor random_tensor(const SpeedTask& task) {
    return at::randn(task.shape)
        .contiguous(task.channels_last ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous);
}

/// One engine's layer and the times of its runs.
struct Candidate {
    LayerModule module;
    double compile;
    std::vector<double> forward, forward_backward;
};

void forward(LayerModule& module, const at::Tensor& x) {
    const at::NoGradGuard no_grad;
    module(x);
}

void forward_backward(LayerModule& module, const at::Tensor& x, const at::Tensor& gradient) {
    module(x.detach().requires_grad_()).backward(gradient);
}

/// The first run compiles what is left to compile; on one element it does nothing else that takes time.
Candidate compiled(const primitives::Layer& layer, const std::string& engine, std::int64_t channels) {
    const at::Tensor x = at::ones({1, channels, 1, 1});
    LayerModule module{nullptr};
    const double time = milliseconds([&] {
        module = LayerModule(find_engine(engine).compile(layer.graph, layer.settings), channels);
        forward_backward(module, x, x);
    });
    return {module, time, {}, {}};
}

void copy(const at::Tensor& from, at::Tensor& to) {
    const auto bytes = static_cast<std::int64_t>(from.nbytes());
    constexpr std::int64_t chunk = 1 << 16;
    parallel_for((bytes + chunk - 1) / chunk, 1, [&](std::int64_t begin, std::int64_t end) {
        std::memcpy(static_cast<char*>(to.mutable_data_ptr()) + begin * chunk,
                    static_cast<const char*>(from.const_data_ptr()) + begin * chunk,
                    static_cast<std::size_t>(std::min(end * chunk, bytes) - begin * chunk));
    });
}

}  // namespace

std::vector<LayerSpeed> layer_speeds(const primitives::Layer& layer, const std::vector<std::string>& engines,
                                     const SpeedTask& task) {
    const ThreadsInUse threads(task.threads);
    const at::Tensor x = random_tensor(task), gradient = random_tensor(task);
    std::vector<Candidate> candidates;
    candidates.reserve(engines.size());
    for (const std::string& engine : engines) candidates.push_back(compiled(layer, engine, task.shape[1]));
    for (int run = -warm_ups; run < task.runs; ++run)
        for (Candidate& candidate : candidates) {
            const double without = milliseconds([&] { forward(candidate.module, x); });
            const double with = milliseconds([&] { forward_backward(candidate.module, x, gradient); });
            if (run < 0) continue;
            candidate.forward.push_back(without);
            candidate.forward_backward.push_back(with);
        }
    std::vector<LayerSpeed> speeds;
    speeds.reserve(candidates.size());
    for (const Candidate& candidate : candidates)
        speeds.push_back({candidate.compile, median(candidate.forward), median(candidate.forward_backward)});
    return speeds;
}

double copy_speed(const SpeedTask& task) {
    // Among as many tensors as a layer that is measured beside another one has: fewer could stay in a cache.
    constexpr std::size_t pairs = 4;
    const ThreadsInUse threads(task.threads);
    std::vector<std::pair<at::Tensor, at::Tensor>> tensors(pairs);
    for (auto& [from, to] : tensors) {
        from = at::ones(task.shape);
        to = at::ones(task.shape);
    }
    std::vector<double> times;
    for (int run = -warm_ups; run < task.runs; ++run) {
        const double time = milliseconds([&] {
            for (auto& [from, to] : tensors) copy(from, to);
        });
        if (run >= 0) times.push_back(time);
    }
    return median(std::move(times)) / (2.0 * pairs * static_cast<double>(tensors.front().first.nbytes()));
}

bool has_transcendental(const primitives::Layer& layer) {
    const LayerPrograms programs = layer_programs(layer.graph, layer.settings.epsilon, /*training=*/true);
    return std::ranges::any_of(programs.forward.instructions, [&](const Instruction& instruction) {
        return row_of(instruction.operation).transcendental;
    });
}

}  // namespace normact::evaluator
