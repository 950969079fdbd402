#include "tools/local_workers.h"

#include "tools/terminal.h"

#include <fmt/format.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace normact::tools {
namespace {

std::string log_of(const WorkerJob& job, int worker) { return fmt::format("{}-{}.log", job.name, worker); }

/// Starts a worker whose words go to its log.
pid_t start(const WorkerJob& job, const std::vector<std::string>& words, int worker) {
    std::vector<char*> pointers;
    pointers.reserve(words.size() + 1);
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

/// Processes that were started. What still runs when this object goes is asked to stop and waited for.
class LocalWorkers {
  public:
    struct Ended {
        int worker = 0;
        int status = 0;  ///< of waitpid
    };

    LocalWorkers() = default;
    ~LocalWorkers() {
        ask_to_stop();
        while (wait_for_one()) {
        }
    }
    LocalWorkers(const LocalWorkers&) = delete;
    LocalWorkers& operator=(const LocalWorkers&) = delete;

    void add(pid_t process, int worker) {
        const std::scoped_lock lock(mutex_);
        running_[process] = worker;
    }

    void ask_to_stop() {
        const std::scoped_lock lock(mutex_);
        for (const auto& [process, worker] : running_) kill(process, SIGTERM);
    }

    /// Nothing if none is left.
    std::optional<Ended> wait_for_one() {
        siginfo_t information{};
        // Looked at first and taken under the lock: until then nobody else can get its number.
        while (waitid(P_ALL, 0, &information, WEXITED | WNOWAIT) != 0)
            if (errno != EINTR) return std::nullopt;
        const std::scoped_lock lock(mutex_);
        Ended ended;
        waitpid(information.si_pid, &ended.status, 0);
        ended.worker = running_[information.si_pid];
        running_.erase(information.si_pid);
        return ended;
    }

  private:
    std::mutex mutex_;
    std::map<pid_t, int> running_;
};

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
    const std::vector<std::string> words = local_worker(job);
    LocalWorkers workers;
    for (int worker = 0; worker < job.workers; ++worker) workers.add(start(job, words, worker), worker);
    tell(fmt::format("{} workers are at work; their logs are {} to {}. Ctrl-C stops them.\n", job.workers,
                     log_of(job, 0), log_of(job, job.workers - 1)));
    const std::stop_callback tell_workers(stop, [&workers] { workers.ask_to_stop(); });
    bool all_fine = true;
    while (const auto ended = workers.wait_for_one()) {
        if (ended->status == 0) continue;
        all_fine = false;
        tell(fmt::format("Worker {} failed; {} says why.\n", ended->worker, log_of(job, ended->worker)));
    }
    return all_fine;
}

}  // namespace normact::tools
