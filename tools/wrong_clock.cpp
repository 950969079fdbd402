// For cluster_faults_test.py: preloaded, it puts a program's clock wrong by WRONG_CLOCK_SECONDS. Only the time of day:
// what measures durations stays.

#include <cstdlib>
#include <ctime>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

// NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): the system's names are reserved ones
extern "C" {

int clock_gettime(clockid_t clock, timespec* now) noexcept {
    const auto result = static_cast<int>(syscall(SYS_clock_gettime, clock, now));
    const char* const seconds = std::getenv("WRONG_CLOCK_SECONDS");
    if (clock == CLOCK_REALTIME && seconds != nullptr) now->tv_sec += std::strtol(seconds, nullptr, 10);
    return result;
}

time_t time(time_t* now) noexcept {
    timespec exact{};
    clock_gettime(CLOCK_REALTIME, &exact);
    if (now != nullptr) *now = exact.tv_sec;
    return exact.tv_sec;
}

int gettimeofday(timeval* now, void*) noexcept {
    timespec exact{};
    clock_gettime(CLOCK_REALTIME, &exact);
    *now = {exact.tv_sec, exact.tv_nsec / 1000};
    return 0;
}
}
// NOLINTEND(readability-inconsistent-declaration-parameter-name)
