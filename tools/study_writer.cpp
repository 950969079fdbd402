#include "tools/study_writer.h"

#include "tools/duration.h"

namespace normact::tools {

WallClock end_of(const results::Candidate& candidate, WallClock otherwise) {
    constexpr double year_2200 = 7258118400;  // beyond which nanoseconds soon overflow
    if (!candidate.finished || *candidate.finished < 0 || *candidate.finished > year_2200) return otherwise;
    return WallClock(std::chrono::duration_cast<WallClock::duration>(Seconds(*candidate.finished)));
}

}  // namespace normact::tools
