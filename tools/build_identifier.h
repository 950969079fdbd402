#pragma once

#include <string>

namespace normact::tools {

/// Eight hexadecimal digits that the linker derives from all of this program's code: two builds whose scores may differ
/// never share them. Empty where the program was linked without them.
std::string build_identifier();

}  // namespace normact::tools
