#include "tools/stop_on_signals.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <system_error>
#include <unistd.h>

namespace normact::tools {
namespace {

sigset_t signals_to_hear() {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
        struct sigaction action {};
        sigaction(signal, nullptr, &action);
        if (action.sa_handler != SIG_IGN) sigaddset(&set, signal);
    }
    return set;
}

}  // namespace

StopOnSignals::StopOnSignals(std::function<void()> on_first) : on_first_(std::move(on_first)) {
    const sigset_t set = signals_to_hear();
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    signals_ = signalfd(-1, &set, SFD_CLOEXEC);
    finished_ = eventfd(0, EFD_CLOEXEC);
    if (signals_ < 0 || finished_ < 0)
        throw std::system_error(errno, std::generic_category(), "can't listen for signals");
    listener_ = std::thread([this] { listen(); });
}

StopOnSignals::~StopOnSignals() {
    eventfd_write(finished_, 1);
    listener_.join();
    close(signals_);
    close(finished_);
}

void StopOnSignals::listen() {
    std::array<pollfd, 2> sources{pollfd{signals_, POLLIN, 0}, pollfd{finished_, POLLIN, 0}};
    while (true) {
        if (poll(sources.data(), sources.size(), -1) < 0) continue;  // interrupted
        if (sources[1].revents != 0) return;
        signalfd_siginfo received{};
        if (read(signals_, &received, sizeof received) != sizeof received) continue;
        const int number = static_cast<int>(received.ssi_signo);
        // People who press Ctrl-C again are in a hurry. Schedulers send SIGTERM more than once and mean the same.
        if (signal_ != 0 && number == SIGINT) _exit(128 + number);
        if (signal_ != 0) continue;
        signal_ = number;
        on_first_();
        source_.request_stop();
    }
}

}  // namespace normact::tools
