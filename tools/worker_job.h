#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace normact::tools {

/// Many workers of one study, as a user asks a cluster for them.
struct WorkerJob {
    std::string study;
    int workers = 1;
    int threads = 1;         ///< of each worker
    int gpus = 0;            ///< of each worker
    std::string memory;      ///< of each worker, as the cluster writes it: "8G", "8Gi"; empty: its default
    std::string time;        ///< how long a job may take, as Slurm writes it: "12:00:00"; empty: its default
    std::string partition;   ///< of Slurm; empty: its default
    std::string name;        ///< of the job
    std::string image;       ///< of Kubernetes
    std::string secret;      ///< of Kubernetes, whose key `password` is PostgreSQL's
    std::string data_claim;  ///< a PersistentVolumeClaim with the data sets, or empty
    std::vector<std::pair<std::string, std::string>> environment;
};

/// A job array for `sbatch`. Its workers are told to stop two minutes before their time is over or when they are
/// preempted, and queue again. The environment of the caller is not taken along, beside what names PostgreSQL's own
/// places and PATH, HOME and NORMACT_DATA. `program`: words that start this program.
std::string slurm_script(const WorkerJob& job, const std::vector<std::string>& program);

/// An indexed Job for `kubectl apply`, as JSON.
std::string kubernetes_manifest(const WorkerJob& job);

}  // namespace normact::tools
