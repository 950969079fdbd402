#pragma once

#include <string>
#include <string_view>

namespace normact::tools {

/// Eight hexadecimal digits that the linker derives from all of this program's code: two builds whose scores may differ
/// never share them. Empty where the program was linked without them.
std::string build_identifier();
/// The same of the library that this process has loaded from a file of that name; empty if there is none.
std::string build_identifier(std::string_view library);

}  // namespace normact::tools
