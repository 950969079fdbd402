#pragma once

#include "tools/duration.h"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace normact::tools {

/// Tells on standard error how far a long command is: on a terminal one line that is rewritten all the time, elsewhere
/// a plain line now and then, less often as time goes by. May be used from several threads.
class ProgressLine {
  public:
    /// `line` makes the text; it gets the time since the start and is called from a thread of this object.
    explicit ProgressLine(std::function<std::string(Seconds elapsed)> line,
                          Seconds plain_interval = std::chrono::seconds(30));
    /// Wipes the line from a terminal.
    ~ProgressLine() = default;
    ProgressLine(const ProgressLine&) = delete;
    ProgressLine& operator=(const ProgressLine&) = delete;

    /// Prints a line that stays.
    void print(const std::string& line);
    Seconds elapsed() const { return std::chrono::steady_clock::now() - start_; }

  private:
    void tick(const std::stop_token& stop);

    std::function<std::string(Seconds)> line_;
    Seconds plain_interval_;
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
    std::mutex mutex_;
    std::condition_variable_any woken_;
    std::jthread ticker_;  // last: it uses all the others
};

}  // namespace normact::tools
