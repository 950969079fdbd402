#pragma once

#include "results/store.h"
#include "search/configuration.h"

#include <optional>
#include <span>
#include <string>
#include <vector>

// How candidates and what became of them read.
namespace normact::tools {

/// An accuracy with as many digits as 10,000 validation images carry: 0.8312.
std::string accuracy_text(double accuracy);
/// A task without its data set: "resnet-tiny" of "cifar-10/resnet-tiny".
std::string anchor_of(const std::string& task);

/// scored, open, quarantined, or why it was rejected: invalid, quality, stability.
std::string state_name(const results::Candidate& candidate);

/// What candidates are counted by: the funnel's counts but `proposed`, of which the others are parts.
std::span<const results::FunnelCount> candidate_states();

/// The best layers, best first, as a table: rank, id, accuracies, cost where it is an objective, origin and text form.
/// Cut to the width if there is one.
std::string best_table(const std::vector<results::Candidate>& best, search::Cost cost,
                       std::optional<std::size_t> width);

/// "143 proposed → 61 invalid → 12 duplicate → 58 quality → 1 stability → 11 scored"; what is open or quarantined is
/// added if there is any.
std::string funnel_text(const results::Funnel& funnel);

}  // namespace normact::tools
