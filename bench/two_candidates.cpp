// How two candidates share two cores: the steps a second of two trainings at once, beside one, by layer. Pairs of both
// are measured in turn, as the machine's speed drifts.
//
//     build/release/bench/two_candidates [BATCH] [CROP] [PAIRS] [ENGINE] [LAYER]

#include "bench/arguments.h"
#include "bench/contenders.h"
#include "bench/median.h"
#include "proxy_tasks/scorer.h"
#include "proxy_tasks/synthetic.h"

#include <algorithm>
#include <cstdio>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {
using namespace normact;

constexpr int warm_up = 5, measured_steps = 40;

/// Steps a second of `threads` candidates at once, each on a thread of its own.
double throughput(int threads, const std::string& anchor, const bench::Steps& steps,
                  const proxy_tasks::MakeLayer& layer) {
    std::vector<double> seconds(static_cast<std::size_t>(threads));
    {
        std::vector<std::jthread> running;
        running.reserve(seconds.size());
        for (double& time : seconds)
            running.emplace_back([&] {
                proxy_tasks::prepare_thread();
                proxy_tasks::CpuTraining training = steps.training(anchor, layer);
                training.advance_to(warm_up, [] {});
                const auto start = std::chrono::steady_clock::now();
                training.advance_to(warm_up + measured_steps, [] {});
                time = bench::seconds_since(start);
            });
    }
    return threads * measured_steps / std::ranges::max(seconds);
}

/// How many times the steps a second two candidates at once do of one alone, in the median.
double gain_of_two(int pairs, const std::string& anchor, const bench::Steps& steps,
                   const proxy_tasks::MakeLayer& layer) {
    std::vector<double> gains;
    for (int pair = 0; pair < pairs; ++pair) {
        const double one = throughput(1, anchor, steps, layer);
        gains.push_back(throughput(2, anchor, steps, layer) / one);
    }
    return bench::median(std::move(gains));
}

}  // namespace

int main(int argc, char** argv) {
    const int batch = bench::number(argc, argv, 1, 64);
    const int crop = bench::number(argc, argv, 2, 16);
    const int pairs = bench::number(argc, argv, 3, 5);
    const auto& engine = argc > 4 ? evaluator::find_engine(argv[4]) : *evaluator::engines().front();
    const bench::Steps steps{proxy_tasks::load_dataset({.name = "synthetic", .folder = {}}), batch, crop};
    proxy_tasks::prepare_thread();
    std::printf("two candidates at once over one, steps a second (batch %d, crop %d, engine %s, median of %d pairs)\n",
                batch, crop, std::string(engine.name()).c_str(), pairs);
    std::printf("%-22s", "layer");
    for (const auto& anchor : bench::small_anchors) std::printf("%19s", anchor.c_str());
    for (const bench::Contender& contender : bench::contenders(engine)) {
        if (argc > 5 && contender.name != argv[5]) continue;
        std::printf("\n%-22s", contender.name.c_str());
        for (const auto& anchor : bench::small_anchors) {
            std::printf("%18.2fx", gain_of_two(pairs, anchor, steps, contender.layer));
            std::fflush(stdout);
        }
    }
    std::printf("\n");
}
