#pragma once

#include "tools/worker_job.h"

#include <stop_token>
#include <string>
#include <vector>

namespace normact::tools {

/// The words that start one worker of the job on this machine.
std::vector<std::string> local_worker(const WorkerJob& job);

/// Runs the job's workers on this machine, each with a log NAME-K.log in the working folder, until all have ended. When
/// a stop is requested, they are told. Returns true if all ended well.
bool run_local_workers(const WorkerJob& job, const std::stop_token& stop);

}  // namespace normact::tools
