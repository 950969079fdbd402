#pragma once

#include "results/store.h"
#include "search/configuration.h"
#include "search/worker.h"
#include "tools/progress_line.h"
#include "tools/recent_lines.h"

#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace normact::tools {

/// How long a search still takes until its budget is reached, at the pace so far; nothing if it can't be told yet or
/// there is no budget. `start` is the funnel when this run began.
std::optional<Seconds> time_left(const search::Budget& budget, const results::Funnel& start, const results::Funnel& now,
                                 Seconds elapsed);

/// Tells how a search is getting on: a progress line, and a line for each new best layer and each failed evaluation.
class SearchProgress {
  public:
    /// `store` is used by this object alone.
    SearchProgress(const search::Budget& budget, std::unique_ptr<results::Store> store);

    void report(const search::Event& event);
    /// What this run did last, line by line: more than is told.
    std::string recent() const { return recent_.text(); }
    Seconds elapsed() const { return line_.elapsed(); }
    /// The study's funnel when this run began.
    const results::Funnel& start() const { return start_; }

  private:
    std::string line(Seconds elapsed);
    void print(const std::string& line);
    bool becomes_best(double accuracy);

    search::Budget budget_;
    std::unique_ptr<results::Store> store_;
    results::Funnel start_;
    RecentLines recent_;
    std::mutex mutex_;  ///< guards best_
    std::optional<double> best_;
    ProgressLine line_;  // last: its thread uses all the others
};

}  // namespace normact::tools
