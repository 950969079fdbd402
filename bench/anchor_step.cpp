// The time of one training step of the small anchors, by layer, and how two candidates share two cores.
//
// The steps are those of a plain PyTorch script: same networks, batch 64, channels_last, one thread, Nesterov SGD.
// "none" leaves the layer out: the floor that the convolutions set. "BN-ReLU (ATen's own)" is batch_norm and relu
// called directly, as a PyTorch user has them; the others run through the engine.
//
//     build/bench/anchor_step [batch] [crop] [engine]

#include "bench/arguments.h"
#include "evaluator/layer_module.h"
#include "primitives/catalogue.h"
#include "proxy_tasks/scorer.h"
#include "proxy_tasks/synthetic.h"
#include "proxy_tasks/training.h"

#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/container/functional.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

namespace {
using namespace normact;
using namespace normact::proxy_tasks;
using Clock = std::chrono::steady_clock;

constexpr int measured_steps = 40;

double milliseconds_since(Clock::time_point start) {
    return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

class NativeBatchNormReluImpl : public torch::nn::Module {
  public:
    explicit NativeBatchNormReluImpl(std::int64_t channels)
        : norm_(register_module("norm", torch::nn::BatchNorm2d(channels))) {}
    at::Tensor forward(const at::Tensor& x) { return at::relu(norm_(x)); }

  private:
    torch::nn::BatchNorm2d norm_;
};
TORCH_MODULE(NativeBatchNormRelu);

struct Contender {
    std::string name;
    MakeLayer layer;
};

std::vector<Contender> contenders(const evaluator::Engine& engine) {
    std::vector<Contender> all{
        {"none",
         [](std::int64_t) {
             return torch::nn::AnyModule(torch::nn::Functional([](const at::Tensor& x) { return x; }));
         }},
        {"BN-ReLU (ATen's own)", [](std::int64_t c) { return torch::nn::AnyModule(NativeBatchNormRelu(c)); }}};
    for (const char* name : {"BN-ReLU", "EvoNorm-B0", "EvoNorm-S0", "GN-ReLU"}) {
        const primitives::Layer& layer = primitives::find_in_catalogue(name)->layer;
        const std::shared_ptr<const evaluator::CompiledLayer> compiled = engine.compile(layer.graph, layer.settings);
        all.push_back(
            {name, [compiled](std::int64_t c) { return torch::nn::AnyModule(evaluator::LayerModule(compiled, c)); }});
    }
    return all;
}

/// A training on the synthetic images that does nothing but steps.
Training training(const std::string& anchor, const Dataset& dataset, int batch, int crop, const MakeLayer& layer) {
    TrainingSettings settings;
    settings.batch = batch;
    settings.crop = crop;
    settings.steps = 1 << 20;
    settings.learning_rate = 1e-6;  // so that no layer diverges, "none" included: the time is asked, not the score
    return Training(find_anchor(anchor), dataset, settings, layer, Trial{1, {}, anchor, 0});
}

std::vector<double> step_times(Training& training) {
    std::vector<double> times;
    for (int step = 0; step < measured_steps; ++step) {
        const auto start = Clock::now();
        training.advance_to(training.steps_done() + 1, [] {});
        if (step >= 5) times.push_back(milliseconds_since(start));
    }
    std::ranges::sort(times);
    return times;
}

double median_step(const std::string& anchor, const Dataset& dataset, int batch, int crop, const MakeLayer& layer) {
    Training run = training(anchor, dataset, batch, crop, layer);
    return step_times(run)[(measured_steps - 5) / 2];
}

/// Steps a second of `threads` candidates at once, each on a thread of its own.
double throughput(int threads, const std::string& anchor, const Dataset& dataset, int batch, int crop,
                  const MakeLayer& layer) {
    std::vector<double> seconds(threads);
    {
        std::vector<std::jthread> running;
        running.reserve(seconds.size());
        for (int t = 0; t < threads; ++t) {
            running.emplace_back([&, t] {
                prepare_thread();
                Training run = training(anchor, dataset, batch, crop, layer);
                run.advance_to(5, [] {});
                const auto start = Clock::now();
                run.advance_to(5 + measured_steps, [] {});
                seconds[t] = milliseconds_since(start) / 1000;
            });
        }
    }
    return threads * measured_steps / std::ranges::max(seconds);
}

/// How many times the steps a second two candidates at once do of one alone: the median of pairs measured in turn, as
/// the machine's speed drifts.
double gain_of_two(const std::string& anchor, const Dataset& dataset, int batch, int crop, const MakeLayer& layer) {
    std::vector<double> gains;
    for (int pair = 0; pair < 5; ++pair) {
        const double one = throughput(1, anchor, dataset, batch, crop, layer);
        gains.push_back(throughput(2, anchor, dataset, batch, crop, layer) / one);
    }
    std::ranges::sort(gains);
    return gains[gains.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
    const int batch = bench::number(argc, argv, 1, 64);
    const int crop = bench::number(argc, argv, 2, 16);
    const auto& engine = argc > 3 ? evaluator::find_engine(argv[3]) : *evaluator::engines().front();
    const Dataset dataset = load_dataset({.name = "synthetic", .folder = {}});
    const std::vector<std::string> anchors{"resnet-tiny", "mobilenet-tiny", "efficientnet-tiny"};
    prepare_thread();
    const auto all = contenders(engine);
    std::printf("one training step, ms (batch %d, crop %d, one thread, engine %s)\n%-22s", batch, crop,
                std::string(engine.name()).c_str(), "layer");
    for (const auto& anchor : anchors) std::printf("%19s", anchor.c_str());
    for (const Contender& contender : all) {
        std::printf("\n%-22s", contender.name.c_str());
        for (const auto& anchor : anchors) {
            std::printf("%19.2f", median_step(anchor, dataset, batch, crop, contender.layer));
            std::fflush(stdout);
        }
    }
    std::printf("\n\ntwo candidates at once over one, steps a second\n%-22s", "layer");
    for (const auto& anchor : anchors) std::printf("%19s", anchor.c_str());
    for (const Contender& contender : all) {
        std::printf("\n%-22s", contender.name.c_str());
        for (const auto& anchor : anchors) {
            std::printf("%18.2fx", gain_of_two(anchor, dataset, batch, crop, contender.layer));
            std::fflush(stdout);
        }
    }
    std::printf("\n");
}
