#pragma once

#include <cstdlib>

namespace normact {

/// Whether tests are to do all that they can, which takes an hour: `tools/test --long`.
inline bool long_tests() { return std::getenv("NORMACT_LONG_TESTS") != nullptr; }

}  // namespace normact
