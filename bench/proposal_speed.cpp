// How many candidates a search can propose on one core: the speed of each step, and of all together.
// items_per_second of `propose_canonicalize_hash_probe` is the number of candidates a second.

#include "primitives/canonical.h"
#include "primitives/fingerprint.h"
#include "primitives/space.h"

#include <benchmark/benchmark.h>

#include <vector>

namespace {

using namespace normact;
using namespace normact::primitives;

constexpr std::size_t sample_size = 4096;

std::vector<LayerGraph> random_graphs() {
    Generator generator(1);
    const Space space = paper_space(true);
    std::vector<LayerGraph> graphs;
    graphs.reserve(sample_size);
    for (std::size_t i = 0; i < sample_size; ++i) graphs.push_back(random_graph(generator, space));
    return graphs;
}

std::vector<LayerGraph> canonical_graphs() {
    std::vector<LayerGraph> graphs = random_graphs();
    for (LayerGraph& graph : graphs) graph = canonical(graph);
    return graphs;
}

/// Runs `step` on one graph of the sample after another.
template <typename Step>
void over_sample(benchmark::State& state, const std::vector<LayerGraph>& graphs, Step step) {
    std::size_t next = 0;
    while (state.KeepRunning()) {
        benchmark::DoNotOptimize(step(graphs[next]));
        next = (next + 1) % graphs.size();
    }
    state.SetItemsProcessed(state.iterations());
}

void propose(benchmark::State& state) {
    Generator generator(1);
    const Space space = paper_space(true);
    while (state.KeepRunning()) benchmark::DoNotOptimize(random_graph(generator, space));
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(propose);

void canonicalize(benchmark::State& state) { over_sample(state, random_graphs(), canonical); }
BENCHMARK(canonicalize);

void hash_canonical_form(benchmark::State& state) { over_sample(state, canonical_graphs(), hash_canonical); }
BENCHMARK(hash_canonical_form);

void probe_canonical_form(benchmark::State& state) { over_sample(state, canonical_graphs(), probe); }
BENCHMARK(probe_canonical_form);

void propose_canonicalize_hash_probe(benchmark::State& state) {
    Generator generator(1);
    const Space space = paper_space(true);
    while (state.KeepRunning()) {
        const LayerGraph graph = canonical(random_graph(generator, space));
        benchmark::DoNotOptimize(hash_canonical(graph));
        benchmark::DoNotOptimize(probe(graph));
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(propose_canonicalize_hash_probe);

}  // namespace

BENCHMARK_MAIN();
