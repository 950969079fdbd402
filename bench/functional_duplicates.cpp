// How often random graphs with distinct hashes compute the same function, and how far the fingerprint can be trusted.
//
//     functional_duplicates [GRAPHS] [EXAMPLES]     100000 graphs and 20 examples unless told otherwise
//
// False merges: layers with one fingerprint that differ on other probes. False splits: layers with two fingerprints
// that agree on all probes as closely as rounding allows.

#include "bench/arguments.h"
#include "primitives/canonical.h"
#include "primitives/fingerprint.h"
#include "primitives/space.h"
#include "primitives/text.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <set>
#include <vector>

namespace {

using namespace normact;
using namespace normact::primitives;

/// All that share a fingerprint: each hash once, with its canonical graph.
using Members = std::map<Hash128, LayerGraph>;
using Classes = std::map<Hash128, Members>;

constexpr std::uint64_t first_other_seed = 100;
constexpr std::uint64_t other_probes = 20;

/// True if the graphs agree on other probes to `tolerance` of each value.
bool agree(const LayerGraph& a, const LayerGraph& b, double tolerance) {
    for (std::uint64_t seed = first_other_seed; seed < first_other_seed + other_probes; ++seed) {
        const std::vector<double> of_a = probe_values(a, seed), of_b = probe_values(b, seed);
        for (std::size_t i = 0; i < of_a.size(); ++i) {
            const bool both_infinite = !std::isfinite(of_a[i]) && !std::isfinite(of_b[i]);
            const double size = std::max({std::abs(of_a[i]), std::abs(of_b[i]), 1.0});
            if (!both_infinite && !(std::abs(of_a[i] - of_b[i]) <= tolerance * size)) return false;
        }
    }
    return true;
}

void print_pair(const LayerGraph& a, const LayerGraph& b) {
    std::printf("    %s\n    %s\n\n", to_text(a).c_str(), to_text(b).c_str());
}

/// Members of one class that differ from its first by more than rounding.
std::size_t print_false_merges(const Classes& classes) {
    std::size_t count = 0;
    for (const auto& [fingerprint, members] : classes) {
        const LayerGraph& first = members.begin()->second;
        for (const auto& [name, graph] : members) {
            if (agree(first, graph, 1e-7)) continue;
            ++count;
            print_pair(first, graph);
        }
    }
    return count;
}

/// Pairs of classes that agree on everything. Such classes are neighbors by their first value.
std::size_t print_false_splits(const Classes& classes) {
    std::vector<std::pair<double, const LayerGraph*>> by_value;
    for (const auto& [fingerprint, members] : classes)
        by_value.emplace_back(probe_values(members.begin()->second).front(), &members.begin()->second);
    std::ranges::sort(by_value);
    std::size_t count = 0;
    for (std::size_t i = 0; i < by_value.size(); ++i)
        for (std::size_t k = i + 1; k < by_value.size(); ++k) {
            const double difference = by_value[k].first - by_value[i].first;
            if (difference > 1e-11 * std::max(1.0, std::abs(by_value[i].first))) break;
            if (!agree(*by_value[i].second, *by_value[k].second, 1e-11)) continue;
            ++count;
            print_pair(*by_value[i].second, *by_value[k].second);
        }
    return count;
}

void print_examples(const Classes& classes, int wanted) {
    for (const auto& [fingerprint, members] : classes) {
        if (members.size() < 2 || members.size() > 4) continue;
        if (wanted-- <= 0) return;
        for (const auto& [name, graph] : members) std::printf("    %s\n", to_text(graph).c_str());
        std::printf("\n");
    }
}

double percent(std::size_t part, std::size_t whole) {
    return 100.0 * static_cast<double>(part) / static_cast<double>(std::max<std::size_t>(whole, 1));
}

}  // namespace

int main(int argc, char** argv) {
    const std::size_t total = bench::number(argc, argv, 1, 100'000);
    const int examples = bench::number(argc, argv, 2, 20);
    Generator generator(1);
    const Space space = paper_space(true);
    std::size_t not_finite = 0, without_x = 0;
    std::set<Hash128> hashes;
    Classes classes;
    for (std::size_t i = 0; i < total; ++i) {
        const LayerGraph graph = canonical(random_graph(generator, space));
        const Probe result = probe(graph);
        if (!result.is_valid()) {
            ++(result.finite ? without_x : not_finite);
            continue;
        }
        const Hash128 name = hash_canonical(graph);
        hashes.insert(name);
        classes[result.fingerprint].emplace(name, graph);
    }
    const std::size_t valid = total - not_finite - without_x;
    std::printf("Layers with different graphs and one function, for example:\n\n");
    print_examples(classes, examples);
    std::printf("One fingerprint, but different on other probes:\n\n");
    const std::size_t merges = print_false_merges(classes);
    std::printf("Two fingerprints, but equal on other probes:\n\n");
    const std::size_t splits = print_false_splits(classes);

    std::printf("%8zu random graphs of the paper's space with batch moments\n", total);
    std::printf("%8zu without x in the output (%.1f%%)\n", without_x, percent(without_x, total));
    std::printf("%8zu not finite (%.1f%%)\n", not_finite, percent(not_finite, total));
    std::printf("%8zu valid (%.1f%%)\n", valid, percent(valid, total));
    std::printf("%8zu distinct hashes among them (%.1f%% of the valid)\n", hashes.size(),
                percent(hashes.size(), valid));
    std::printf("%8zu distinct fingerprints (%.1f%% of the valid)\n", classes.size(), percent(classes.size(), valid));
    std::printf("%8zu hashes share the fingerprint of another one (%.1f%% of the hashes)\n",
                hashes.size() - classes.size(), percent(hashes.size() - classes.size(), hashes.size()));
    std::printf("%8zu false merges (%.3f%% of the hashes)\n", merges, percent(merges, hashes.size()));
    std::printf("%8zu false splits (%.3f%% of the fingerprints)\n", splits, percent(splits, classes.size()));
    return 0;
}
