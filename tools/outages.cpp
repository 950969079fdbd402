#include "tools/outages.h"

#include "tools/terminal.h"

#include <fmt/format.h>

#include <atomic>
#include <memory>

namespace normact::tools {

results::Patience patience(const std::stop_token& stop, const std::string& meanwhile) {
    results::Patience patience;
    patience.stop = stop;
    patience.tell = [meanwhile, away = std::make_shared<std::atomic<bool>>(false)](const std::string& reason) {
        const bool gone = !reason.empty();
        if (away->exchange(gone) == gone) return;
        tell(gone ? fmt::format("\n{}\nWaiting for it; {}.\n", printable_lines(reason), meanwhile)
                  : std::string("\nThe database is back.\n"));
    };
    patience.warn = [](const std::string& text) { tell("\n" + printable_lines(text) + "\n"); };
    return patience;
}

}  // namespace normact::tools
