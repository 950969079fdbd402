#include "tools/invocation.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

namespace normact::tools {
namespace {

/// What a shell makes of a word.
std::string read_by_a_shell(const std::string& word) {
    const std::string command = "printf %s " + shell_quoted(word);
    FILE* shell = popen(command.c_str(), "r");  // NOLINT(bugprone-command-processor): that is what is tested
    std::string result(1000, '\0');
    result.resize(std::fread(result.data(), 1, result.size(), shell));
    pclose(shell);
    return result;
}

TEST(Invocation, leaves_plain_words_unquoted) {
    EXPECT_EQ(shell_quoted("runs/demo.study.db"), "runs/demo.study.db");
    EXPECT_EQ(shell_quoted("budget.minutes=3"), "budget.minutes=3");
}

TEST(Invocation, quotes_so_that_a_shell_reads_the_same_word) {
    for (const char* word :
         {"", "my study.db", "it's", "$HOME", "`id`", "a\nb", "#17", "~/x", "x*sigmoid(x)", "-x", "a\\b", "\"", "!"}) {
        EXPECT_EQ(read_by_a_shell(word), word);
    }
}

TEST(Invocation, quotes_the_programs_own_path) {
    setenv("NORMACT_COMMAND", "/home/me/my tools/run", 1);  // NOLINT(concurrency-mt-unsafe): one thread
    EXPECT_EQ(command_line({"top"}), "'/home/me/my tools/run' top");
    unsetenv("NORMACT_COMMAND");  // NOLINT(concurrency-mt-unsafe)
}

}  // namespace
}  // namespace normact::tools
