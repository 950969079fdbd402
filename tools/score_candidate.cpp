#include "tools/score_candidate.h"

#include "tools/command.h"

#include <bit>
#include <cstdint>
#include <stdexcept>

namespace normact::tools {
namespace {

constexpr int replicate_of_a_search = 0;

void prepare_this_thread() {
    thread_local bool prepared = false;
    if (!prepared) proxy_tasks::prepare_thread();
    prepared = true;
}

}  // namespace

proxy_tasks::Scorer make_scorer(const proxy_tasks::ScoringSettings& settings, proxy_tasks::HeldOut held_out) {
    try {
        return proxy_tasks::Scorer(settings, held_out);
    } catch (const std::invalid_argument& error) {
        throw UsageError(error.what());
    }
}

proxy_tasks::Outcome score_candidate(const proxy_tasks::Scorer& scorer, const search::Configuration& configuration,
                                     const primitives::LayerGraph& graph, std::stop_token stop,
                                     const std::function<void(const proxy_tasks::Progress&)>& progress,
                                     proxy_tasks::Company company) {
    prepare_this_thread();
    return scorer.evaluate(graph, configuration.seed, replicate_of_a_search, std::move(stop), progress, company);
}

proxy_tasks::Outcome score_replicate(const proxy_tasks::Scorer& scorer, const search::Configuration& configuration,
                                     const primitives::Layer& layer, int replicate, std::stop_token stop,
                                     const std::function<void(const proxy_tasks::Progress&)>& progress) {
    prepare_this_thread();
    return scorer.score(layer.graph, layer.settings, configuration.seed, replicate, std::move(stop), progress);
}

proxy_tasks::Outcome score_trial(const proxy_tasks::Scorer& scorer, const search::Configuration& configuration,
                                 const primitives::Layer& layer, int replicate, std::stop_token stop,
                                 const std::function<void(const proxy_tasks::Progress&)>& progress) {
    prepare_this_thread();
    return scorer.score_paired(layer.graph, layer.settings, configuration.seed, replicate, std::move(stop), progress);
}

bool same_bits(double a, double b) { return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b); }

bool identical(const proxy_tasks::Outcome& stored, const proxy_tasks::Outcome& again) {
    if (stored.scores.size() != again.scores.size()) return false;
    for (std::size_t i = 0; i < stored.scores.size(); ++i) {
        const auto& [a, b] = std::pair(stored.scores[i], again.scores[i]);
        if (a.task != b.task || a.replicate != b.replicate || !same_bits(a.accuracy, b.accuracy)) return false;
    }
    return true;
}

}  // namespace normact::tools
