#pragma once

#include <deque>
#include <mutex>
#include <string>

namespace normact::tools {

/// The last lines of a log, at most 10 of at most 200 columns, printable. May be used from several threads.
class RecentLines {
  public:
    void add(const std::string& line);
    /// The lines, oldest first, with line ends between.
    std::string text() const;

  private:
    mutable std::mutex mutex_;
    std::deque<std::string> lines_;
};

}  // namespace normact::tools
