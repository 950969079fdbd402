#include "tools/child_process.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <poll.h>
#include <spawn.h>
#include <sstream>
#include <sys/socket.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace normact::tools {
namespace {

/// One end of a connection to the child, closed when it goes out of scope.
class Descriptor {
  public:
    explicit Descriptor(int value) : value_(value) {}
    ~Descriptor() { reset(); }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;

    int get() const { return value_; }
    void reset() {
        if (value_ >= 0) close(value_);
        value_ = -1;
    }

  private:
    int value_;
};

pid_t start(const std::vector<std::string>& words, int connection) {
    std::vector<char*> arguments;
    arguments.reserve(words.size() + 1);
    for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions{};
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, connection, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, connection, STDOUT_FILENO);
    pid_t child = 0;
    const int error = posix_spawnp(&child, arguments.front(), &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0) throw ChildProcessError(fmt::format("can't run {}: {}", words.front(), std::strerror(error)));
    return child;
}

/// Writes the input and reads the output at the same time, so that neither side waits for the other.
std::string exchange(int connection, std::string_view input) {
    std::string output;
    std::array<char, 65536> buffer{};
    while (true) {
        if (!input.empty()) {
            const ssize_t sent = send(connection, input.data(), input.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
            if (sent > 0) input.remove_prefix(static_cast<std::size_t>(sent));
            if (sent < 0 && errno != EAGAIN && errno != EINTR) input = {};  // it doesn't want more
            if (input.empty()) shutdown(connection, SHUT_WR);
        }
        pollfd ready{connection, static_cast<short>(input.empty() ? POLLIN : POLLIN | POLLOUT), 0};
        if (poll(&ready, 1, -1) < 0 || (ready.revents & (POLLIN | POLLHUP | POLLERR)) == 0) continue;
        const ssize_t received = recv(connection, buffer.data(), buffer.size(), 0);
        if (received <= 0) return output;
        output.append(buffer.data(), static_cast<std::size_t>(received));
    }
}

}  // namespace

std::string run_child_process(const std::vector<std::string>& words, std::string_view input) {
    std::array<int, 2> pair{};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) != 0) {
        throw std::system_error(errno, std::generic_category(), "can't make a connection to " + words.front());
    }
    const Descriptor ours(pair[0]);
    Descriptor theirs(pair[1]);
    const pid_t child = start(words, theirs.get());
    theirs.reset();
    if (input.empty()) shutdown(ours.get(), SHUT_WR);
    std::string output = exchange(ours.get(), input);
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        throw ChildProcessError(fmt::format("{} failed with status {}", words.front(),
                                            WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status)));
    }
    return output;
}

bool is_installed(const std::string& program) {
    const char* path = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe): nobody sets it
    std::istringstream folders(path == nullptr ? "" : path);
    for (std::string folder; std::getline(folders, folder, ':');) {
        if (access((std::filesystem::path(folder) / program).c_str(), X_OK) == 0) return true;
    }
    return false;
}

}  // namespace normact::tools
