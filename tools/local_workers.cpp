#include "tools/local_workers.h"

#include "tools/terminal.h"

#include <fmt/format.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <map>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace normact::tools {
namespace {

std::string log_of(const WorkerJob& job, int worker) { return fmt::format("{}-{}.log", job.name, worker); }

/// Starts a worker whose words go to its log.
pid_t start(const WorkerJob& job, const std::vector<std::string>& words, int worker) {
    std::vector<char*> pointers;
    for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
    pointers.push_back(nullptr);
    const std::string log_file = log_of(job, worker);
    const int log = open(log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (log < 0) throw std::system_error(errno, std::generic_category(), log_file + " can't be written");
    const pid_t child = fork();
    if (child < 0) throw std::system_error(errno, std::generic_category(), "no more processes can be started");
    if (child == 0) {
        setpgid(0, 0);  // Ctrl-C goes to the launcher, which asks its workers to stop
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, nullptr);
        dup2(log, STDOUT_FILENO);
        dup2(log, STDERR_FILENO);
        for (const auto& [name, value] : job.environment) setenv(name.c_str(), value.c_str(), 1);
        execv(pointers.front(), pointers.data());
        _exit(127);
    }
    close(log);
    return child;
}

}  // namespace

std::vector<std::string> local_worker(const WorkerJob& job) {
    return {std::filesystem::read_symlink("/proc/self/exe").string(),
            "worker",
            "--study",
            job.study,
            "--threads",
            fmt::to_string(job.threads)};
}

bool run_local_workers(const WorkerJob& job, const std::stop_token& stop) {
    std::map<pid_t, int> running;
    const std::vector<std::string> words = local_worker(job);
    for (int worker = 0; worker < job.workers; ++worker) running[start(job, words, worker)] = worker;
    tell(fmt::format("{} workers are at work; their logs are {} to {}. Ctrl-C stops them.\n", job.workers,
                     log_of(job, 0), log_of(job, job.workers - 1)));
    const std::vector<pid_t> all = [&] {
        std::vector<pid_t> ids;
        for (const auto& [process, worker] : running) ids.push_back(process);
        return ids;
    }();
    const std::stop_callback tell_workers(stop, [&all] {
        for (const pid_t process : all) kill(process, SIGTERM);
    });
    bool fine = true;
    while (!running.empty()) {
        int status = 0;
        const pid_t ended = waitpid(-1, &status, 0);
        if (ended < 0 && errno == EINTR) continue;
        if (ended < 0) throw std::system_error(errno, std::generic_category(), "can't wait for workers");
        const auto worker = running.find(ended);
        if (worker == running.end()) continue;
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
            fine = false;
            tell(fmt::format("Worker {} failed; {} says why.\n", worker->second, log_of(job, worker->second)));
        }
        running.erase(worker);
    }
    return fine;
}

}  // namespace normact::tools
