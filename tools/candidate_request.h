#pragma once

#include "results/study_view.h"

#include <nlohmann/json_fwd.hpp>

#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace normact::tools {

/// A request that makes no sense. The message says what it may be.
class RequestError : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/// The parameters of a request, each given once.
using RequestParameters = std::map<std::string, std::string>;

/// What a request for candidates asks for: order, task (one of the study's `tasks`), state, origin, parent, with,
/// without (parts of a graph: "sigmoid std_group batch"), same_as (a catalogue name or a text form), after, limit.
/// Throws RequestError.
results::CandidateQuery candidate_query(const RequestParameters& parameters, const std::vector<std::string>& tasks);

/// A position in the query's order as `after` takes it, and back. Throws RequestError, also for one in another order.
std::string position_text(const results::CandidateQuery& query, const results::PagePosition& position);
results::PagePosition parse_position(const results::CandidateQuery& query, const std::string& text);

/// An id. Throws RequestError.
results::CandidateId parse_candidate(const std::string& text);

}  // namespace normact::tools
