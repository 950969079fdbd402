#pragma once

#include "primitives/graph.h"
#include "proxy_tasks/scorer.h"
#include "search/configuration.h"

#include <functional>
#include <stop_token>

// How the scores of a study are called for: the one place that says with which seed and which replicate.
namespace normact::tools {

/// Loads the data set. Throws UsageError where the settings name what is not there, DatasetError where the data is not.
proxy_tasks::Scorer make_scorer(const proxy_tasks::ScoringSettings& settings,
                                proxy_tasks::HeldOut held_out = proxy_tasks::HeldOut::validation);

/// The evaluation of a study's candidate, with its filters. `search` stores what this gives and `verify` asks again.
proxy_tasks::Outcome score_candidate(const proxy_tasks::Scorer& scorer, const search::Configuration& configuration,
                                     const primitives::LayerGraph& graph, std::stop_token stop,
                                     const std::function<void(const proxy_tasks::Progress&)>& progress = {},
                                     proxy_tasks::Company company = proxy_tasks::Company::welcome);

/// The full score alone, one of several replicates. With the graph that was trained and the study's groups and epsilon,
/// replicate 0 has the accuracies of score_candidate.
proxy_tasks::Outcome score_replicate(const proxy_tasks::Scorer& scorer, const search::Configuration& configuration,
                                     const primitives::Layer& layer, int replicate, std::stop_token stop,
                                     const std::function<void(const proxy_tasks::Progress&)>& progress = {});

/// The full score of a trial of a re-evaluation, whose random numbers are the same for all layers.
proxy_tasks::Outcome score_trial(const proxy_tasks::Scorer& scorer, const search::Configuration& configuration,
                                 const primitives::Layer& layer, int replicate, std::stop_token stop,
                                 const std::function<void(const proxy_tasks::Progress&)>& progress = {});

bool same_bits(double a, double b);
/// True if both are scores of the same tasks with the same accuracies, to the last bit.
bool identical(const proxy_tasks::Outcome& stored, const proxy_tasks::Outcome& again);

}  // namespace normact::tools
