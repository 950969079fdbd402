#include "tools/recent_lines.h"

#include "tools/terminal.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

namespace normact::tools {

void RecentLines::add(const std::string& line) {
    constexpr std::size_t most = 10, width = 200;
    std::string text = clipped(printable(line), width);
    const std::scoped_lock lock(mutex_);
    lines_.push_back(std::move(text));
    if (lines_.size() > most) lines_.pop_front();
}

std::string RecentLines::text() const {
    const std::scoped_lock lock(mutex_);
    return fmt::format("{}", fmt::join(lines_, "\n"));
}

}  // namespace normact::tools
