#pragma once

#include <csignal>
#include <cstdio>
#include <exception>
#include <functional>
#include <sys/wait.h>
#include <unistd.h>

namespace normact::results {

/// Runs `body` in a child process; an exception is printed and makes it end with status 1.
inline pid_t start_child(const std::function<void()>& body) {
    const pid_t child = fork();
    if (child != 0) return child;
    int status = 0;
    try {
        body();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "child process: %s\n", error.what());
        status = 1;
    }
    _exit(status);  // no destructors of the parent's objects, no second report of its tests
}

/// Waits for a child. Its exit status, or minus the signal that ended it.
inline int wait_for(pid_t child) {
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

}  // namespace normact::results
