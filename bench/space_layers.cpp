// Every function of a small space, as far as random graphs and their mutants meet it: what a table for
// `normact search --replay` is made from.
//
//     space_layers CONFIGURATION.json [GRAPHS]     1,000,000 random graphs
//
// Prints the configuration as JSON with these layers as its initial ones, the most frequent first, so that
// `normact search --config` scores them all. Standard error tells how many functions there are, and how many of the
// last tenth of the graphs computed one that was new.

#include "bench/arguments.h"
#include "primitives/canonical.h"
#include "primitives/fingerprint.h"
#include "primitives/space.h"
#include "primitives/text.h"
#include "search/configuration.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

namespace {

using namespace normact;

struct Function {
    std::string text;  ///< of its smallest graph
    std::size_t nodes = 0;
    long seen = 0;
};

using Functions = std::map<primitives::Hash128, Function>;

/// True if the graph computes a function that was not there.
bool count(Functions& functions, const primitives::LayerGraph& drawn) {
    const primitives::LayerGraph graph = primitives::canonical(drawn);
    const primitives::Probe probe = primitives::probe(graph);
    if (!probe.is_valid()) return false;
    Function& function = functions[probe.fingerprint];
    const bool smaller = function.seen == 0 || graph.nodes.size() < function.nodes;
    if (smaller) function = {primitives::to_text(graph), graph.nodes.size(), function.seen};
    return function.seen++ == 0;
}

std::string content(const char* path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

int main(int words, char** word) {
    search::Configuration configuration = search::parse_configuration(content(words > 1 ? word[1] : ""));
    const int graphs = bench::number(words, word, 2, 1000000);
    Generator generator(1);
    Functions functions;
    int late = 0;
    for (int i = 0; i < graphs; ++i) {
        const bool is_new = count(functions, primitives::random_graph(generator, configuration.space));
        if (is_new && i >= graphs - graphs / 10) ++late;
    }
    std::vector<const Function*> all;
    for (const auto& [fingerprint, function] : functions) all.push_back(&function);
    std::ranges::stable_sort(all, std::greater(), &Function::seen);
    for (const Function* function : all) configuration.evolution.initial.push_back(function->text);
    std::printf("%s", search::to_json(configuration).c_str());
    std::fprintf(stderr, "%zu functions; %d of the last %d graphs computed a new one\n", all.size(), late, graphs / 10);
}
