#pragma once

#include <fmt/format.h>

#include <string>
#include <utility>

namespace normact::evaluator {

/// Source text, indented by the blocks it opens.
class Lines {
  public:
    template <typename... Arguments>
    void line(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
        append(fmt::format(format, std::forward<Arguments>(arguments)...));
    }
    /// A line that opens a block, for instance of a loop.
    template <typename... Arguments>
    void open(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
        append(fmt::format(format, std::forward<Arguments>(arguments)...) + " {");
        ++depth_;
    }
    void open() {
        append("{");
        ++depth_;
    }
    void close() {
        --depth_;
        append("}");
    }
    const std::string& text() const { return text_; }
    /// The text so far; what follows begins anew.
    std::string take() { return std::exchange(text_, {}); }

  private:
    void append(const std::string& line) { text_.append(4 * depth_, ' ').append(line).append("\n"); }

    std::string text_;
    std::size_t depth_ = 0;
};

}  // namespace normact::evaluator
