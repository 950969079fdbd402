#include "results/patience.h"

#include <condition_variable>
#include <mutex>
#include <utility>

namespace normact::results {

void PatientCalls::gone(const std::string& reason) {
    if (!std::exchange(is_away_, true) && patience_.tell) patience_.tell(reason);
}

void PatientCalls::back() {
    if (std::exchange(is_away_, false) && patience_.tell) patience_.tell("");
}

void PatientCalls::wait(std::chrono::milliseconds pause) {
    // Many workers must not come back at the same moment: the pause is drawn around its length.
    const std::chrono::milliseconds varied(
        std::uniform_int_distribution<std::int64_t>(3 * pause.count() / 4, 5 * pause.count() / 4)(generator_));
    results::wait(varied, patience_.stop);
}

void wait(std::chrono::milliseconds pause, const std::stop_token& stop) {
    std::mutex mutex;
    std::unique_lock lock(mutex);
    std::condition_variable_any never;
    never.wait_for(lock, stop, pause, [] { return false; });
}

}  // namespace normact::results
