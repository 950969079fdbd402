#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace normact::tools {

/// Writes to standard error, where progress and messages go. Errors are ignored: work goes on where nobody can read of
/// it any more, as behind a closed terminal or on a full disk.
void tell(std::string_view text);
/// Writes to standard output, where results go. Throws std::runtime_error if it can't be written.
void answer(std::string_view text);

/// The text with everything that could steer a terminal written as an escape: control characters, direction marks,
/// line separators, bytes that are no UTF-8. What comes from a file or a database goes through here.
std::string printable(std::string_view text);
/// The same, but line ends stay.
std::string printable_lines(std::string_view text);

/// How many columns a text takes, counted as code points.
std::size_t columns(std::string_view text);
/// The text, cut to so many columns with … at its end.
std::string clipped(std::string_view text, std::size_t width);

/// True if the locale that the environment names writes UTF-8; else ASCII is all that can be counted on.
bool locale_is_utf8();

/// The width in columns of the terminal behind a file descriptor; nothing if there is none.
std::optional<std::size_t> terminal_width(int file_descriptor);

}  // namespace normact::tools
