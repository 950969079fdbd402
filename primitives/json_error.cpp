#include "primitives/json_error.h"

#include <string_view>

namespace normact::primitives {

std::string plain_message(const std::exception& error) {
    const std::string_view message = error.what();
    if (!message.starts_with("[json.exception.")) return std::string(message);
    const auto end = message.find("] ");
    return std::string(end == std::string_view::npos ? message : message.substr(end + 2));
}

}  // namespace normact::primitives
