#include "primitives/source_comment.h"

#include <algorithm>

namespace normact::primitives {
namespace {

constexpr std::size_t longest_line = 110;

/// The line with its margin, and more indented ones for what does not fit.
std::string broken(std::string line, std::string_view margin) {
    std::string lines, indent;
    while (margin.size() + indent.size() + line.size() > longest_line) {
        const std::size_t space = line.rfind(' ', longest_line - margin.size() - indent.size());
        if (space == std::string::npos || space == 0) break;
        lines.append(margin).append(indent).append(line, 0, space).append("\n");
        line.erase(0, space + 1);
        indent = "        ";
    }
    return lines.append(margin).append(indent).append(line).append("\n");
}

bool is_plain(char c) {
    const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return is_letter || (c >= '0' && c <= '9') || std::string_view(" -_.,:+()#").find(c) != std::string_view::npos;
}

}  // namespace

std::string plain_name(std::string_view layer_name) {
    std::string name(layer_name);
    std::ranges::replace_if(
        name, [](char c) { return !is_plain(c); }, '_');
    return name;
}

std::string formula_lines(std::string_view text, std::string_view margin) {
    std::string lines = broken("y = gamma*z + beta", margin);
    std::size_t begin = 0;
    for (std::size_t end = 0; (end = text.find("; ", begin)) != std::string_view::npos; begin = end + 2)
        lines += broken(std::string(text.substr(begin, end - begin)), margin);
    return lines + broken("z = " + std::string(text.substr(begin)), margin);
}

}  // namespace normact::primitives
