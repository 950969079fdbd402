#pragma once

#include <string>

namespace normact::tools {

/// How often this program has restarted itself in a row without getting anywhere.
int vain_restarts();

/// Runs this program again, in this process and with the same arguments: for what only a new program gets rid of.
/// `vain_restarts` is what the new one is told. Throws std::system_error if that fails.
[[noreturn]] void restart(int vain_restarts);

}  // namespace normact::tools
