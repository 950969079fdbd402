#include "tools/progress_line.h"

#include "tools/terminal.h"

#include <fmt/format.h>

#include <algorithm>
#include <unistd.h>

namespace normact::tools {
namespace {

constexpr const char* start_of_line = "\r\x1b[K";  // to the left edge, and clear to the right

}  // namespace

ProgressLine::ProgressLine(std::function<std::string(Seconds)> line, Seconds plain_interval)
    : line_(std::move(line)),
      plain_interval_(plain_interval),
      ticker_([this](const std::stop_token& stop) { tick(stop); }) {}

void ProgressLine::print(const std::string& line) {
    const std::scoped_lock lock(mutex_);
    const bool terminal = terminal_width(STDERR_FILENO).has_value();
    tell(fmt::format("{}{}\n", terminal ? start_of_line : "", printable(line)));
}

void ProgressLine::tick(const std::stop_token& stop) {
    constexpr Seconds terminal_interval(0.5);
    constexpr double growth = 0.05;  // plain lines come when 5% more time has passed, at least
    std::unique_lock lock(mutex_);
    while (!stop.stop_requested()) {
        const std::optional<std::size_t> width = terminal_width(STDERR_FILENO);
        const Seconds interval = width ? terminal_interval : std::max(plain_interval_, elapsed() * growth);
        woken_.wait_for(lock, stop, interval, [] { return false; });
        if (stop.stop_requested()) break;
        lock.unlock();  // the text may take a while, or print itself
        const std::string line = printable(line_(elapsed()));
        lock.lock();
        tell(width ? start_of_line + clipped(line, *width - 1) : line + "\n");
    }
    if (terminal_width(STDERR_FILENO)) tell(start_of_line);
}

}  // namespace normact::tools
