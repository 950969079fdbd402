#include "tools/duration.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <ctime>

namespace normact::tools {

std::string clock_text(Seconds duration) {
    const auto seconds = static_cast<std::int64_t>(std::llround(std::max(0.0, duration.count())));
    const std::int64_t hours = seconds / 3600;
    const std::int64_t minutes = seconds / 60 % 60;
    if (hours > 0) return fmt::format("{}:{:02}:{:02}", hours, minutes, seconds % 60);
    return fmt::format("{}:{:02}", minutes, seconds % 60);
}

std::string duration_text(Seconds duration) {
    const double seconds = std::max(0.0, duration.count());
    if (seconds < 9.95) return fmt::format("{:.1f} s", seconds);
    if (seconds < 99.5) return fmt::format("{:.0f} s", seconds);
    if (seconds < 5970) return fmt::format("{:.3g} min", seconds / 60);
    return fmt::format("{:.3g} h", seconds / 3600);
}

std::string count_per_hour(std::int64_t count, Seconds duration) {
    if (duration <= Seconds::zero()) return "0";
    const double rate = static_cast<double>(count) * 3600 / duration.count();
    const double unit = std::pow(10, std::max(0.0, std::floor(std::log10(std::max(1.0, rate))) - 2));
    return fmt::format("{:.0f}", std::round(rate / unit) * unit);
}

std::string utc_text(Seconds since_1970) {
    constexpr double year_10000 = 253402300800;
    const double seconds = since_1970.count();
    const bool is_known = seconds >= 0 && seconds < year_10000;  // nor is it NaN
    if (!is_known) return "unknown";
    return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(static_cast<std::time_t>(seconds)));
}

}  // namespace normact::tools
