#pragma once

#include <string>
#include <string_view>

namespace normact::primitives {

/// The name with everything but letters, digits, spaces and a few marks replaced by '_': it may stand in a comment or a
/// string of any programming language.
std::string plain_name(std::string_view layer_name);

/// What y is, for a comment: a text form as lines that begin with `margin`, one for each of its definitions, broken at
/// spaces where they get too long.
std::string formula_lines(std::string_view text, std::string_view margin);

}  // namespace normact::primitives
