#pragma once

#include "evaluator/layer_speed.h"
#include "results/study_view.h"
#include "search/configuration.h"
#include "tools/candidate_request.h"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace normact::tools {

/// What is shown, and how much of it.
struct ShownStudy {
    std::string place;
    std::string reevaluation;                   ///< a file that `normact reevaluate --json` printed; empty: none
    std::optional<evaluator::SpeedTask> speed;  ///< on what a layer is timed when it is opened; nothing: it is not
};

/// What `normact serve` tells of a study, as JSON texts; docs/commands.md describes them. For any number of threads.
class StudyPages {
  public:
    /// Throws StoreError, and as read_reevaluation does.
    explicit StudyPages(ShownStudy shown);

    /// The document of `normact report`, without layers' details. Anew when the last one is some seconds old, but never
    /// more often than lets the study rest for twenty times as long as reading it takes. The re-evaluation's file is
    /// read again, too; while it is being written anew, what it held before is told.
    std::string report();
    /// The funnel and the best layer now.
    std::string status();
    /// A page of candidates. Throws RequestError.
    std::string candidates(const RequestParameters& parameters);
    /// How the formulas of two candidates differ. Throws RequestError.
    std::string difference(const RequestParameters& parameters);
    /// One candidate with its details and its ancestors. Throws RequestError.
    std::string candidate(const RequestParameters& parameters);

  private:
    /// Lends a view for one task. One that failed is not used again: its connection may be broken.
    template <class Task>
    auto with_view(Task task);
    /// Throws RequestError where there is none.
    results::Candidate found(results::CandidateId id);
    std::string details_of(const results::Candidate& candidate);
    std::string make_report();
    std::string read_reevaluation_text();

    ShownStudy shown_;
    search::Configuration configuration_;
    std::vector<std::string> tasks_;
    double created_ = 0;  ///< tells this study from another one that takes its place

    std::mutex views_mutex_;
    std::vector<std::unique_ptr<results::StudyView>> views_;

    std::mutex report_mutex_;
    std::condition_variable report_made_;
    bool report_in_work_ = false;
    std::string report_;
    std::string reevaluation_ = "null";  ///< as it was read last, JSON
    std::chrono::steady_clock::time_point report_due_;

    std::mutex details_mutex_;  ///< also lets one drawing at a time be made
    std::map<results::CandidateId, std::string> details_;
};

}  // namespace normact::tools
