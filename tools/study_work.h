#pragma once

#include "proxy_tasks/scorer.h"
#include "results/study.h"
#include "search/configuration.h"
#include "tools/duration.h"

#include <memory>
#include <stop_token>
#include <string>

// Work for a study on this machine: what `search` and `worker` share.
namespace normact::tools {

struct WorkPlan {
    std::string study;                    ///< its place
    search::Configuration configuration;  ///< the study's, with the budget of this run
    int threads = 1;
    std::string status;  ///< what the heading says of the study: "new"
    std::string resume;  ///< the command that goes on with it
};

/// What one run came to.
struct Run {
    results::Funnel start;  ///< of the study when the run began
    Seconds elapsed{};
    bool budget_reached = false;
};

/// An open study. A database that is away is waited for, and this is told, until a stop is requested. Outcomes that it
/// can't take meanwhile are kept on disk; those from before are brought first.
std::unique_ptr<results::Store> open_patiently(const std::string& study, const std::stop_token& stop);

/// Works until the budget is reached or a stop is requested. A lost GPU makes this program start again. Throws
/// std::runtime_error that says what is wrong and how to go on.
Run work(const WorkPlan& plan, const proxy_tasks::Scorer& scorer, const std::stop_token& stop);

}  // namespace normact::tools
