// How many evaluations does the search need? Evolution against random search on a cheap synthetic fitness: the share of
// a hidden target layer's variance that a candidate explains after the best affine fit (an affine follows every layer).
//
//     search_efficiency [SEEDS] [CAP] [THREADS] [TARGET…]     10 seeds, 100000 evaluations, 1 thread, all targets
//
// Three sets of random tensors play the three anchors. A run ends when a candidate computes the target's function (it
// explains all but 10^-9 on each set) or after CAP evaluations. One evaluation is one distinct function: duplicates
// share their score, as in a study. Each run is one thread with the operators of the real loop.

#include "bench/arguments.h"
#include "bench/median.h"
#include "primitives/catalogue.h"
#include "primitives/fingerprint.h"
#include "primitives/text.h"
#include "search/configuration.h"
#include "search/population.h"
#include "search/proposal.h"

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_for.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace {

using namespace normact;
using namespace normact::search;
using primitives::LayerGraph;

constexpr std::array<std::uint64_t, 3> task_seeds{2, 3, 4};  // others than the fingerprint's
constexpr double tolerance = 1e-9;
constexpr std::array<int, 2> checkpoints{1000, 10000};

/// The squared correlation: the share of variance that the best affine fit explains. Nothing if a value is not finite.
std::optional<double> explained(const std::vector<double>& values, const std::vector<double>& target) {
    const auto mean = [](const std::vector<double>& list) {
        double sum = 0;
        for (const double value : list) sum += value;
        return sum / static_cast<double>(list.size());
    };
    const double mean_value = mean(values), mean_target = mean(target);
    double products = 0, squares = 0, target_squares = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        const double a = values[i] - mean_value, b = target[i] - mean_target;
        products += a * b;
        squares += a * a;
        target_squares += b * b;
    }
    if (!std::isfinite(squares)) return std::nullopt;
    return squares > 0 ? products * products / (squares * target_squares) : 0.0;
}

/// A target layer on the three sets.
class Fitness {
  public:
    explicit Fitness(const LayerGraph& target) {
        for (const std::uint64_t seed : task_seeds) targets_.push_back(primitives::probe_values(target, seed));
    }

    /// One number a set, or nothing for a layer that is not finite everywhere: it counts as rejected.
    std::optional<std::vector<double>> operator()(const LayerGraph& graph) const {
        std::vector<double> accuracies;
        for (std::size_t task = 0; task < task_seeds.size(); ++task) {
            const auto share = explained(primitives::probe_values(graph, task_seeds[task]), targets_[task]);
            if (!share) return std::nullopt;
            accuracies.push_back(*share);
        }
        return accuracies;
    }

  private:
    std::vector<std::vector<double>> targets_;
};

struct Method {
    std::string name;
    EvolutionSettings settings;
};

std::vector<Method> methods() {
    EvolutionSettings random;
    random.random_share = 1;
    EvolutionSettings regularized;  // Real et al., arXiv 1802.01548: population 100, sample 25, one mutation
    regularized.window = 100;
    regularized.warm_up = 100;
    regularized.tournament = 0.25;
    regularized.choice = Choice::mean;
    regularized.mutations = 1;
    regularized.random_share = 0;
    return {{"random search", random}, {"regularized evolution", regularized}, {"the paper's evolution", {}}};
}

struct Run {
    std::optional<int> reached;                        ///< evaluations until the target was found
    std::array<double, checkpoints.size()> best_at{};  ///< best mean share after so many evaluations
    long proposals = 0;
    int evaluations = 0;
};

Run search_for(const Fitness& fitness, const EvolutionSettings& evolution, std::uint64_t seed, int cap) {
    const primitives::Space space = primitives::paper_space(true);
    Generator generator(seed);
    Population population(evolution.window);
    std::map<primitives::Hash128, std::optional<std::vector<double>>> known;
    Run run;
    double best = 0;
    while (run.evaluations < cap) {
        const results::Proposal proposal = propose(generator, space, evolution, population);
        ++run.proposals;
        if (!proposal.invalid.empty()) continue;
        const auto [entry, is_new] = known.try_emplace(proposal.fingerprint);
        if (is_new) {
            entry->second = fitness(proposal.graph);
            ++run.evaluations;
        }
        if (entry->second) {
            Member member{run.proposals, proposal.graph, *entry->second};
            best = std::max(best, mean_accuracy(member));
            if (std::ranges::min(member.accuracies) >= 1 - tolerance) run.reached = run.evaluations;
            population.add(std::move(member));
        }
        for (std::size_t i = 0; i < checkpoints.size(); ++i)
            if (run.evaluations <= checkpoints[i] || run.reached) run.best_at[i] = std::max(run.best_at[i], best);
        if (run.reached) break;
    }
    return run;
}

std::string count_text(double evaluations, int cap) {
    if (evaluations > cap) return "> " + std::to_string(cap);
    return std::to_string(std::lround(evaluations));
}

void print_row(const std::string& target, const std::string& method, const std::vector<Run>& runs, int cap) {
    std::vector<double> evaluations;  // a run that was cut off counts as longer than any other
    evaluations.reserve(runs.size());
    for (const Run& run : runs) evaluations.push_back(run.reached.value_or(3 * cap));
    std::ranges::sort(evaluations);
    const auto reached = std::ranges::count_if(runs, [](const Run& run) { return run.reached.has_value(); });
    std::array<double, checkpoints.size()> best{};
    for (std::size_t i = 0; i < best.size(); ++i) {
        std::vector<double> values;
        values.reserve(runs.size());
        for (const Run& run : runs) values.push_back(run.best_at[i]);
        best[i] = bench::median(values);
    }
    double proposals = 0, evaluated = 0;
    for (const Run& run : runs) {
        proposals += static_cast<double>(run.proposals);
        evaluated += run.evaluations;
    }
    std::printf("| %s | %s | %ld of %zu | %s | %s | %.3f | %.3f | %.1f |\n", target.c_str(), method.c_str(),
                static_cast<long>(reached), runs.size(), count_text(bench::median(evaluations), cap).c_str(),
                count_text(evaluations.front(), cap).c_str(), best[0], best[1], proposals / evaluated);
    std::fflush(stdout);
}

void compare(const std::string& target, int seeds, int cap) {
    const Fitness fitness(initial_graph(target));
    for (const Method& method : methods()) {
        std::vector<Run> runs(static_cast<std::size_t>(seeds));
        tbb::parallel_for(std::size_t{0}, runs.size(),
                          [&](std::size_t seed) { runs[seed] = search_for(fitness, method.settings, seed + 1, cap); });
        print_row(target, method.name, runs, cap);
    }
}

}  // namespace

int main(int count, char** words) {
    const int seeds = bench::number(count, words, 1, 10);
    const int cap = bench::number(count, words, 2, 100000);
    const int threads = bench::number(count, words, 3, 1);
    std::vector<std::string> targets(words + std::min(count, 4), words + count);
    if (targets.empty()) targets = {"SiLU", "RMS-ReLU", "EvoNorm-S1", "EvoNorm-S0", "EvoNorm-B0", "GN-ReLU"};
    const tbb::global_control allowed(tbb::global_control::max_allowed_parallelism, static_cast<std::size_t>(threads));
    std::printf(
        "| target | method | reached | median evaluations | fewest | best after 1,000 | best after 10,000 | proposals "
        "an "
        "evaluation |\n|---|---|---|---|---|---|---|---|\n");
    for (const std::string& target : targets) compare(target, seeds, cap);
}
