#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace normact::tools {

using Seconds = std::chrono::duration<double>;

/// A stretch of time as a clock shows it: 0:07, 4:05, 1:04:05.
std::string clock_text(Seconds duration);
/// A stretch of time in the unit that suits it: 0.3 s, 12 s, 4.5 min, 2.1 h.
std::string duration_text(Seconds duration);
/// How many an hour that is, with three digits that mean something: 79300.
std::string count_per_hour(std::int64_t count, Seconds duration);
/// A moment, as in "2026-11-29T07:22:10Z"; "unknown" beyond the years 1970 to 9999.
std::string utc_text(Seconds since_1970);

}  // namespace normact::tools
