#pragma once

#include "results/store.h"

#include <cstdint>
#include <string>
#include <vector>

namespace normact::tools {

/// How a study is getting on at one moment.
struct StudyStatus {
    results::Funnel funnel;
    std::vector<results::WorkerStatus> workers;   ///< those that are alive
    std::int64_t finished_last_hour = 0;          ///< evaluations
    std::vector<results::Candidate> quarantined;  ///< the newest
};

/// The status as metrics in Prometheus' text format (version 0.0.4), each labelled with the study.
std::string prometheus_text(const std::string& study, const StudyStatus& status);

}  // namespace normact::tools
