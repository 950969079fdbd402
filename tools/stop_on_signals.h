#pragma once

#include <atomic>
#include <functional>
#include <stop_token>
#include <thread>

namespace normact::tools {

/// Turns SIGINT (Ctrl-C), SIGTERM and SIGHUP into a stop request; a SIGINT after that ends the program at once, with
/// status 130. Signals that the caller has set to be ignored (nohup) stay ignored.
/// Make it before any other thread: threads take over the signal mask of the one that starts them.
class StopOnSignals {
  public:
    /// `on_first` is called from a thread of this object, before the stop is requested.
    explicit StopOnSignals(std::function<void()> on_first);
    ~StopOnSignals();
    StopOnSignals(const StopOnSignals&) = delete;
    StopOnSignals& operator=(const StopOnSignals&) = delete;

    std::stop_token token() const { return source_.get_token(); }
    /// The first signal that came; 0 if none did.
    int signal() const { return signal_; }

  private:
    void listen();

    std::function<void()> on_first_;
    std::stop_source source_;
    std::atomic<int> signal_ = 0;
    int signals_ = -1;   ///< signalfd
    int finished_ = -1;  ///< eventfd that ends the listening thread
    std::thread listener_;
};

}  // namespace normact::tools
