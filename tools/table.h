#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace normact::tools {

/// A column of a table: its heading and on which side its cells line up (numbers right, words left).
struct Column {
    enum class Side { left, right };
    std::string heading;
    Side side = Side::left;
};

/// Rows of text with aligned columns, two blanks apart, a heading above; control characters are escaped.
/// With a width, lines are cut to it with …, so the widest column should be the last one.
std::string aligned(const std::vector<Column>& layout, const std::vector<std::vector<std::string>>& rows,
                    std::optional<std::size_t> width = {});

}  // namespace normact::tools
