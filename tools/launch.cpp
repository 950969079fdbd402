// normact launch: starts many workers, on this machine or by a cluster's own means.

#include "results/study.h"
#include "tools/child_process.h"
#include "tools/command.h"
#include "tools/invocation.h"
#include "tools/local_workers.h"
#include "tools/stop_on_signals.h"
#include "tools/terminal.h"
#include "tools/worker_job.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string_view>

namespace normact::tools {
namespace {

/// Throws UsageError unless the text has only characters that no shell, directive or manifest reads as something else.
std::string plain(const Arguments& arguments, const std::string& option) {
    constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.:/@,";
    const std::string text = arguments.text(option);
    if (text.find_first_not_of(allowed) != std::string::npos)
        throw UsageError(fmt::format("--{} is '{}'; it may hold letters, digits and any of _-.:/@,", option, text));
    return text;
}

/// The name of jobs and files: what Kubernetes allows, Slurm allows, too.
std::string job_name(const Arguments& arguments) {
    const std::string name = arguments.text("name");
    constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyz0123456789-";
    constexpr std::size_t longest = 40;
    if (name.empty() || name.size() > longest || name.front() == '-' || name.back() == '-' ||
        name.find_first_not_of(allowed) != std::string::npos)
        throw UsageError(fmt::format("--name is '{}'; it may hold a-z, 0-9 and - inside, {} at most", name, longest));
    return name;
}

std::vector<std::pair<std::string, std::string>> read_environment(const Arguments& arguments) {
    std::vector<std::pair<std::string, std::string>> environment;
    for (const std::string& assignment : arguments.texts("env")) {
        const auto equals = assignment.find('=');
        const std::string name = assignment.substr(0, equals);
        const bool is_name = !name.empty() && std::ranges::all_of(name, [](unsigned char c) {
            return std::isalnum(c) != 0 || c == '_';
        }) && std::isdigit(static_cast<unsigned char>(name.front())) == 0;
        if (equals == std::string::npos || !is_name)
            throw UsageError(fmt::format("--env {}: it must be NAME=VALUE", name));
        if (name == "PGPASSWORD")
            throw UsageError(
                "--env PGPASSWORD would write the password into the job; put it into ~/.pgpass, or for "
                "Kubernetes into the secret");
        environment.emplace_back(name, assignment.substr(equals + 1));
    }
    return environment;
}

WorkerJob read_job(const Arguments& arguments) {
    if (!arguments.has("study"))
        throw UsageError("--study is missing: the study to work for, as in --study postgresql://host/database#name");
    constexpr int most = 100'000;
    WorkerJob job;
    job.study = arguments.text("study");
    results::check_place(job.study);
    job.workers = static_cast<int>(arguments.number("workers", 1, most));
    job.threads = static_cast<int>(arguments.number("threads", 1, 1024));
    job.gpus = static_cast<int>(arguments.number("gpus", 0, 64));
    job.memory = plain(arguments, "memory");
    job.time = plain(arguments, "time");
    job.partition = plain(arguments, "partition");
    job.name = job_name(arguments);
    job.image = plain(arguments, "image");
    job.secret = plain(arguments, "secret");
    job.data_claim = plain(arguments, "data-claim");
    job.environment = read_environment(arguments);
    return job;
}

/// What starts this program on another machine: its own file, by its whole path. What was typed may be tools/run, which
/// would set up and build on every machine.
std::vector<std::string> this_program() { return {std::filesystem::read_symlink("/proc/self/exe").string()}; }

/// Prints the text, or gives it to the program that submits it and prints what that says.
int submit(const Arguments& arguments, const std::string& text, const std::vector<std::string>& by) {
    if (arguments.has("dry-run")) {
        answer(text);
        return fine;
    }
    if (!is_installed(by.front()))
        throw std::runtime_error(fmt::format("{} is not here; --dry-run prints what it would be given", by.front()));
    answer(run_child_process(by, text));
    return fine;
}

int launch_slurm(const Arguments& arguments, const WorkerJob& job) {
    if (!results::is_in_postgresql(job.study))
        tell("The study is a file: all machines must have it at the same path, on a drive that SQLite can lock.\n");
    if (std::getenv("PGPASSWORD") != nullptr)
        tell("PGPASSWORD is not given to the job, which would keep it in files: put the password into ~/.pgpass.\n");
    return submit(arguments, slurm_script(job, this_program()), {"sbatch"});
}

int launch_kubernetes(const Arguments& arguments, const WorkerJob& job) {
    if (job.image.empty()) throw UsageError("--image is missing: the container's image, which tools/Dockerfile makes");
    if (!results::is_in_postgresql(job.study))
        throw UsageError("on Kubernetes a study has to be in PostgreSQL: --study postgresql://host/database#name");
    return submit(arguments, kubernetes_manifest(job), {"kubectl", "apply", "-f", "-"});
}

int launch_local(const Arguments& arguments, const WorkerJob& job) {
    if (arguments.has("dry-run")) {
        answer(fmt::format("{} times: {}\n", job.workers, shell_line(local_worker(job))));
        return fine;
    }
    StopOnSignals signals([] { tell("\nStopping the workers.\n"); });
    return run_local_workers(job, signals.token()) ? fine : failed;
}

int run(const Arguments& arguments) {
    const std::string& where = arguments.operands().front();
    const WorkerJob job = read_job(arguments);
    if (where == "slurm") return launch_slurm(arguments, job);
    if (where == "kubernetes") return launch_kubernetes(arguments, job);
    if (where == "local") return launch_local(arguments, job);
    throw UsageError(fmt::format("workers can't be launched on '{}'; there are slurm, kubernetes and local", where));
}

}  // namespace

const Command& launch_command() {
    static const Command command{
        .name = "launch",
        .summary = "Start many workers for a study: by Slurm, by Kubernetes, or on this machine.",
        .operands = "slurm|kubernetes|local",
        .least_operands = 1,
        .most_operands = 1,
        .options =
            {{"study", "PLACE", "the study, in PostgreSQL; `normact search` starts one", {}},
             {"workers", "N", "how many", "1"},
             {"threads", "N", "layers that each worker trains at once, a core for each", "1"},
             {"gpus", "N", "of each worker", "0"},
             {"memory", "SIZE", "of each worker: 8G for Slurm, 8Gi for Kubernetes", {}},
             {"time", "TIME", "Slurm: how long a job may take, as in 12:00:00; workers go on in another one", {}},
             {"partition", "NAME", "Slurm: the partition", {}},
             {"image", "IMAGE", "Kubernetes: the container's image", {}},
             {"secret", "NAME", "Kubernetes: the secret whose key `password` is PostgreSQL's", "normact-postgresql"},
             {"data-claim", "NAME", "Kubernetes: the PersistentVolumeClaim with the data sets", {}},
             {"env", "NAME=VALUE", "set in each worker's environment; may be repeated", {}, true},
             {"name", "NAME", "of the job and its logs", "normact"},
             {"dry-run", "", "print what would be submitted", {}}},
        .details =
            "slurm submits a job array whose workers stop in time, queue again, and go on; kubernetes an indexed Job. "
            "local "
            "runs the workers here, each with a log of its own, until they end.\n\n"
            "Examples:\n  normact launch slurm --study postgresql://me@db.example/lab#first --workers 64 --time "
            "12:00:00\n"
            "  normact launch local --study postgresql://me@db.example/lab#first --workers 4\n",
        .run = run};
    return command;
}

}  // namespace normact::tools
