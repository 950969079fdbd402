#include "tools/table.h"

#include "tools/terminal.h"

#include <algorithm>
#include <numeric>
#include <stdexcept>

namespace normact::tools {
namespace {

std::vector<std::size_t> widths_of(const std::vector<std::vector<std::string>>& lines, std::size_t count) {
    std::vector<std::size_t> widths(count, 0);
    for (const auto& line : lines) {
        for (std::size_t i = 0; i < line.size() && i < count; ++i) widths[i] = std::max(widths[i], columns(line[i]));
    }
    return widths;
}

std::string padded(const std::string& cell, std::size_t width, Column::Side side) {
    const std::string blanks(width - columns(cell), ' ');
    return side == Column::Side::left ? cell + blanks : blanks + cell;
}

}  // namespace

std::string aligned(const std::vector<Column>& layout, const std::vector<std::vector<std::string>>& rows,
                    std::optional<std::size_t> width) {
    std::vector<std::vector<std::string>> lines(1);
    for (const Column& column : layout) lines.front().push_back(column.heading);
    for (const auto& row : rows) {
        if (row.size() != layout.size()) throw std::logic_error("a row of another length than its head");
        lines.push_back(row);
    }
    for (auto& line : lines) {
        for (auto& cell : line) cell = printable(cell);
    }
    const std::vector<std::size_t> widths = widths_of(lines, layout.size());
    std::string text;
    for (const auto& cells : lines) {
        std::string line;
        for (std::size_t i = 0; i < cells.size(); ++i) {
            line += (i == 0 ? "" : "  ") + padded(cells[i], widths[i], layout[i].side);
        }
        line.erase(line.find_last_not_of(' ') + 1);
        text += (width ? clipped(line, *width) : line) + "\n";
    }
    return text;
}

}  // namespace normact::tools
