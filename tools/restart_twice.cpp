// For restart_test.py: says what it was started with, and starts itself again, twice.

#include "tools/restart.h"

#include <csignal>
#include <iostream>

int main(int count, char** words) {
    const int restarts = normact::tools::vain_restarts();
    sigset_t mask;
    sigemptyset(&mask);
    pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    std::cout << restarts << (sigismember(&mask, SIGTERM) == 1 ? " deaf" : "");
    for (int i = 1; i < count; ++i) std::cout << " [" << words[i] << ']';
    std::cout << '\n' << std::flush;  // before exec, which drops what is not written
    if (restarts == 2) return 7;
    sigaddset(&mask, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &mask, nullptr);
    normact::tools::restart(restarts + 1);
}
