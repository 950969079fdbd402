#pragma once

#include <c10/util/Exception.h>

#include <new>
#include <stdexcept>
#include <string>

namespace normact::proxy_tasks {

/// What is wrong, without LibTorch's notes and stack.
inline std::string first_line(const std::exception& error) {
    const auto* libtorch = dynamic_cast<const c10::Error*>(&error);
    const std::string text = libtorch != nullptr ? libtorch->what_without_backtrace() : error.what();
    return text.substr(0, text.find('\n'));
}

/// Calls `evaluate`. What LibTorch throws becomes a std::runtime_error of one line, without the stack that it brings: a
/// study keeps the reason of each failure. Where memory was too short, the line says what helps.
template <class Evaluate>
auto with_short_errors(Evaluate evaluate) {
    const std::string advice = "out of memory; use fewer threads or smaller batches";
    try {
        return evaluate();
    } catch (const c10::Error& error) {
        const std::string line = first_line(error);
        const bool memory_is_short = line.find("can't allocate memory") != std::string::npos;
        throw std::runtime_error(memory_is_short ? advice + " (" + line + ")" : line);
    } catch (const std::bad_alloc&) {
        throw std::runtime_error(advice);
    }
}

}  // namespace normact::proxy_tasks
