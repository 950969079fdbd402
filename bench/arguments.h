#pragma once

// What the benchmarks share: their arguments are numbers by position.

#include <cstdio>
#include <cstdlib>
#include <string>

namespace normact::bench {

/// The whole number at this position of the command line, or `otherwise` if the command line is shorter. Anything but a
/// number from 1 to 10^9 ends the program with status 2.
inline int number(int count, char** words, int position, int otherwise) {
    if (count <= position) return otherwise;
    char* end = nullptr;
    const long value = std::strtol(words[position], &end, 10);
    if (end != words[position] && *end == '\0' && value >= 1 && value <= 1'000'000'000) return static_cast<int>(value);
    std::fprintf(stderr, "%s: argument %d must be a number from 1 to 1000000000, not '%s'\n", words[0], position,
                 words[position]);
    std::exit(2);
}

}  // namespace normact::bench
