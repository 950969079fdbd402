#pragma once

#include <exception>
#include <string>

namespace normact::primitives {

/// What an exception says, without the JSON library's name for it: of "[json.exception.parse_error.101] parse error at
/// line 1, column 2: …" all from "parse error" on.
std::string plain_message(const std::exception& error);

}  // namespace normact::primitives
