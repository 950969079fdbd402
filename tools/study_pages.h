#pragma once

#include "results/study_view.h"
#include "search/configuration.h"
#include "tools/candidate_request.h"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace normact::tools {

/// What `normact serve` tells of a study, as JSON texts; docs/commands.md describes them. For any number of threads.
class StudyPages {
  public:
    /// Throws StoreError.
    explicit StudyPages(std::string place);

    /// The document of `normact report`, without layers' details. Anew when the last one is some seconds old, but never
    /// more often than lets the study rest for twenty times as long as reading it takes.
    std::string report();
    /// The funnel and the best layer now.
    std::string status();
    /// A page of candidates. Throws RequestError.
    std::string candidates(const RequestParameters& parameters);
    /// One candidate with its details and its ancestors. Throws RequestError.
    std::string candidate(const RequestParameters& parameters);

  private:
    /// Lends a view for one task. One that failed is not used again: its connection may be broken.
    template <class Task>
    auto with_view(Task task);
    std::string details_of(const results::Candidate& candidate);

    std::string place_;
    search::Configuration configuration_;
    std::vector<std::string> tasks_;

    std::mutex views_mutex_;
    std::vector<std::unique_ptr<results::StudyView>> views_;

    std::mutex report_mutex_;
    std::condition_variable report_made_;
    bool report_in_work_ = false;
    std::string report_;
    std::chrono::steady_clock::time_point report_due_;

    std::mutex details_mutex_;  ///< also lets one drawing at a time be made
    std::map<results::CandidateId, std::string> details_;
};

}  // namespace normact::tools
