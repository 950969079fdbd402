#include "tools/worker_job.h"

#include "tools/invocation.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <utility>

namespace normact::tools {
namespace {

constexpr int seconds_to_stop = 120;  ///< from the warning to the end

/// What workers need of the caller's environment; the rest may hold secrets.
constexpr const char* exported =
    "PATH,HOME,NORMACT_DATA,NORMACT_LIBTORCH,XDG_STATE_HOME,XDG_CACHE_HOME,PGPASSFILE,PGSERVICEFILE,PGSERVICE,PGHOST,"
    "PGPORT,PGUSER,PGDATABASE,PGSSLMODE,PGSSLROOTCERT,PGSSLCERT,PGSSLKEY,PGSYSCONFDIR";

std::vector<std::string> worker_words(const WorkerJob& job) {
    return {"worker", "--study", job.study, "--threads", fmt::to_string(job.threads)};
}

/// What Kubernetes must not take for the end of all work: a worker that was told to stop, as on a machine that goes.
constexpr int status_when_stopped = 143;

}  // namespace

std::string slurm_script(const WorkerJob& job, const std::vector<std::string>& program) {
    std::string text = "#!/bin/bash\n";
    const auto directive = [&text](const std::string& words) { text += "#SBATCH " + words + "\n"; };
    directive("--job-name=" + job.name);
    directive(fmt::format("--array=0-{}", job.workers - 1));
    directive("--ntasks=1");
    directive(fmt::format("--cpus-per-task={}", job.threads));
    if (job.gpus > 0) directive(fmt::format("--gres=gpu:{}", job.gpus));
    if (!job.memory.empty()) directive("--mem=" + job.memory);
    if (!job.time.empty()) directive("--time=" + job.time);
    if (!job.partition.empty()) directive("--partition=" + job.partition);
    directive("--requeue");
    directive("--open-mode=append");
    directive(fmt::format("--output={}-%A_%a.log", job.name));
    directive(fmt::format("--signal=B:USR1@{}", seconds_to_stop));
    directive(fmt::format("--export={}", exported));
    text += '\n';
    for (const auto& [name, value] : job.environment) text += fmt::format("export {}={}\n", name, shell_quoted(value));
    return text + shell_line(program) + " " + shell_line(worker_words(job)) + R"( &
worker=$!

# USR1: the time is nearly over, so go on in another job. TERM: preempted or cancelled; Slurm knows what comes then.
again=no
trap 'again=yes; kill -TERM $worker 2> /dev/null' USR1
trap 'kill -TERM $worker 2> /dev/null' TERM
wait $worker
while kill -0 $worker 2> /dev/null; do  # a signal ended the wait, not the worker
    wait $worker
done
wait $worker  # the status of the worker, and not of a wait that a signal ended
status=$?
# A job that ends by itself when it is preempted counts as done, also where preempted ones are queued again.
if scontrol show job "$SLURM_JOB_ID" | grep -q 'PreemptTime=[0-9]'; then
    again=yes
fi
# 143: told to stop before it listened, when it held nothing yet.
if [ $again = yes ] && { [ $status = 0 ] || [ $status = 143 ]; }; then
    scontrol requeue "$SLURM_JOB_ID"
fi
exit $status
)";
}

std::string kubernetes_manifest(const WorkerJob& job) {
    using Json = nlohmann::ordered_json;
    std::vector<std::string> words = worker_words(job);
    words.insert(words.end(), {"--status-when-stopped", fmt::to_string(status_when_stopped)});
    Json environment = Json::array();
    environment.push_back(
        {{"name", "PGPASSWORD"}, {"valueFrom", {{"secretKeyRef", {{"name", job.secret}, {"key", "password"}}}}}});
    environment.push_back({{"name", "XDG_STATE_HOME"}, {"value", "/state"}});
    for (const auto& [name, value] : job.environment) environment.push_back({{"name", name}, {"value", value}});
    Json volumes = Json::array({{{"name", "state"}, {"emptyDir", Json::object()}}});
    Json mounts = Json::array({{{"name", "state"}, {"mountPath", "/state"}}});
    if (!job.data_claim.empty()) {
        environment.push_back({{"name", "NORMACT_DATA"}, {"value", "/data"}});
        volumes.push_back(
            {{"name", "data"}, {"persistentVolumeClaim", {{"claimName", job.data_claim}, {"readOnly", true}}}});
        mounts.push_back({{"name", "data"}, {"mountPath", "/data"}, {"readOnly", true}});
    }
    Json limits{{"cpu", fmt::to_string(job.threads)}, {"memory", job.memory.empty() ? "4Gi" : job.memory}};
    if (job.gpus > 0) limits["nvidia.com/gpu"] = fmt::to_string(job.gpus);
    const Json container{
        {"name", "worker"},
        {"image", job.image},
        {"args", words},
        {"env", std::move(environment)},
        {"resources", {{"requests", limits}, {"limits", limits}}},
        {"volumeMounts", std::move(mounts)},
        {"securityContext", {{"allowPrivilegeEscalation", false}, {"capabilities", {{"drop", Json::array({"ALL"})}}}}}};
    const Json pod{{"restartPolicy", "OnFailure"},
                   {"terminationGracePeriodSeconds", seconds_to_stop},
                   {"automountServiceAccountToken", false},
                   {"containers", Json::array({container})},
                   {"volumes", std::move(volumes)}};
    // A worker that fails starts again, as often as it likes; one that ends well, at the study's budget, does not.
    const Json specification{{"completionMode", "Indexed"},
                             {"completions", job.workers},
                             {"parallelism", job.workers},
                             {"backoffLimit", 1'000'000},
                             {"template", {{"metadata", {{"labels", {{"app", job.name}}}}}, {"spec", pod}}}};
    const Json manifest{{"apiVersion", "batch/v1"},
                        {"kind", "Job"},
                        {"metadata", {{"name", job.name}, {"labels", {{"app", job.name}}}}},
                        {"spec", specification}};
    return manifest.dump(2) + "\n";
}

}  // namespace normact::tools
