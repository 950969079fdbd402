#include "tools/restart.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <system_error>
#include <unistd.h>
#include <vector>

namespace normact::tools {
namespace {

constexpr const char* variable = "NORMACT_VAIN_RESTARTS";

/// The words of the command line, as the system keeps them.
std::vector<std::string> words_of_this_program() {
    std::ifstream file("/proc/self/cmdline", std::ios::binary);
    std::vector<std::string> words;
    for (std::string word; std::getline(file, word, '\0');) words.push_back(word);
    return words;
}

}  // namespace

int vain_restarts() {
    const char* text = std::getenv(variable);
    return text == nullptr ? 0 : static_cast<int>(std::strtol(text, nullptr, 10));
}

void restart(int vain_restarts) {
    setenv(variable, std::to_string(vain_restarts).c_str(), /*overwrite=*/1);
    std::vector<std::string> words = words_of_this_program();
    std::vector<char*> pointers;
    pointers.reserve(words.size() + 1);
    for (std::string& word : words) pointers.push_back(word.data());
    pointers.push_back(nullptr);
    sigset_t none;  // what this thread doesn't hear, the new program would not hear either
    sigemptyset(&none);
    pthread_sigmask(SIG_SETMASK, &none, nullptr);
    execv("/proc/self/exe", pointers.data());
    throw std::system_error(errno, std::generic_category(), "can't start this program again");
}

}  // namespace normact::tools
