#pragma once

#include <cstdint>
#include <random>

namespace normact {

/// The source of every random choice. It is always passed, never global, so that equal seeds give equal results.
using Generator = std::mt19937_64;

/// A uniform integer in [0, bound), the same on every standard library. bound must be positive.
inline std::uint64_t uniform_below(Generator& generator, std::uint64_t bound) {
    const std::uint64_t largest = Generator::max() - Generator::max() % bound;  // rejects the biased tail
    std::uint64_t draw = generator();
    while (draw >= largest) draw = generator();
    return draw % bound;
}

/// A uniform number in [0, 1) with 53 random bits, the same on every standard library.
inline double uniform_unit(Generator& generator) { return static_cast<double>(generator() >> 11) * 0x1.0p-53; }

}  // namespace normact
