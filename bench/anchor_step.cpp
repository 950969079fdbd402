// The time of one training step of the small anchors, by layer: medians of steps taken in turn, as the machine's speed
// drifts, and beside the step without a layer.
//
//     build/release/bench/anchor_step [BATCH] [CROP] [ENGINE]

#include "bench/arguments.h"
#include "bench/contenders.h"
#include "bench/median.h"
#include "proxy_tasks/scorer.h"
#include "proxy_tasks/synthetic.h"

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <string>
#include <vector>

namespace {
using namespace normact;
using bench::Contender;

constexpr int warm_up = 5, rounds = 12, steps_in_turn = 5;

/// Milliseconds of each contender.
std::vector<double> median_steps(const std::string& anchor, const bench::Steps& steps,
                                 const std::vector<Contender>& contenders) {
    std::vector<proxy_tasks::CpuTraining> trainings;
    trainings.reserve(contenders.size());
    for (const Contender& contender : contenders) {
        trainings.push_back(steps.training(anchor, contender.layer));
        trainings.back().advance_to(warm_up, [] {});
    }
    std::vector<std::vector<double>> times(contenders.size());
    for (int round = 0; round < rounds; ++round)
        for (std::size_t i = 0; i < contenders.size(); ++i)
            for (int step = 0; step < steps_in_turn; ++step) {
                const auto start = std::chrono::steady_clock::now();
                trainings[i].advance_to(trainings[i].steps_done() + 1, [] {});
                times[i].push_back(bench::seconds_since(start) * 1e3);
            }
    std::vector<double> medians;
    std::ranges::transform(times, std::back_inserter(medians), bench::median<double>);
    return medians;
}

}  // namespace

int main(int argc, char** argv) {
    const int batch = bench::number(argc, argv, 1, 64);
    const int crop = bench::number(argc, argv, 2, 16);
    const auto& engine = argc > 3 ? evaluator::find_engine(argv[3]) : *evaluator::engines().front();
    const bench::Steps steps{proxy_tasks::load_dataset({.name = "synthetic", .folder = {}}), batch, crop};
    proxy_tasks::prepare_thread();
    const std::vector<Contender> contenders = bench::contenders(engine);
    std::printf("one training step, ms (batch %d, crop %d, one thread, engine %s), and beside no layer\n%-22s", batch,
                crop, std::string(engine.name()).c_str(), "layer");
    std::vector<std::vector<double>> medians;
    for (const std::string& anchor : bench::small_anchors) {
        std::printf("%22s", anchor.c_str());
        medians.push_back(median_steps(anchor, steps, contenders));
    }
    for (std::size_t i = 0; i < contenders.size(); ++i) {
        std::printf("\n%-22s", contenders[i].name.c_str());
        for (const std::vector<double>& of_anchor : medians)
            std::printf("%15.2f %5.2fx", of_anchor[i], of_anchor[i] / of_anchor[0]);
    }
    std::printf("\n");
}
