#pragma once

#include "results/store.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <random>
#include <stop_token>
#include <string>
#include <type_traits>

namespace normact::results {

/// How a database that is away is waited for.
struct Patience {
    std::chrono::milliseconds first_pause{500};  ///< doubles up to the longest one, and varies by a quarter
    std::chrono::milliseconds longest_pause{30'000};
    std::stop_token stop;  ///< ends the waiting
    /// Told once when the database goes away, with the reason, and once when it is back, with an empty text.
    std::function<void(const std::string&)> tell;
    /// Told once of each outcome that finds no room on the disk meanwhile.
    std::function<void(const std::string&)> warn;
};

/// Calls again what throws StoreUnavailable, until it works. Once a stop is requested there is one more try; then
/// StoreUnavailable goes to the caller. For one thread.
class PatientCalls {
  public:
    explicit PatientCalls(Patience patience) : patience_(std::move(patience)) {}

    /// `on_failure` is called after each try that did not work.
    template <class Call, class OnFailure>
    std::invoke_result_t<Call> operator()(Call call, OnFailure on_failure) {
        bool last_try = false;
        for (auto pause = patience_.first_pause;; pause = std::min(2 * pause, patience_.longest_pause)) {
            try {
                if constexpr (std::is_void_v<std::invoke_result_t<Call>>) {
                    call();
                    back();
                    return;
                } else {
                    auto result = call();
                    back();
                    return result;
                }
            } catch (const StoreUnavailable& error) {
                on_failure();
                if (last_try) throw;
                last_try = patience_.stop.stop_requested();
                gone(error.what());
            }
            wait(pause);  // not if a stop is requested
        }
    }

    const Patience& patience() const { return patience_; }

  private:
    void gone(const std::string& reason);
    void back();
    void wait(std::chrono::milliseconds pause);

    Patience patience_;
    bool is_away_ = false;
    std::minstd_rand generator_{std::random_device()()};
};

/// Waits that long, or until a stop is requested.
void wait(std::chrono::milliseconds pause, const std::stop_token& stop);

}  // namespace normact::results
