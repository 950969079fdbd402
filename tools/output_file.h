#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace normact::tools {

/// A file that a command was told to write. What is there stays until the new content is whole, and then it is replaced
/// at once: a reader, or this program after a crash, finds either the old or the new content. Of several that are
/// written at once, the last one stays. A link leads to the file it names. A device or FIFO is written to as it is.
class OutputFile {
  public:
    /// Throws std::runtime_error for a folder, a file that can't be written, or a database: a study would be lost.
    explicit OutputFile(const std::string& path);
    /// Removes what is not whole.
    ~OutputFile();
    OutputFile(const OutputFile&) = delete;
    OutputFile& operator=(const OutputFile&) = delete;

    /// Members throw std::runtime_error that names the file and what is wrong.
    void write(std::string_view text);
    void finish();

  private:
    void check() const;

    std::string name_;  ///< as it was given
    std::filesystem::path path_, partial_;
    std::ofstream stream_;
};

/// Puts the content into a file, as OutputFile does.
void replace_text_file(const std::string& path, std::string_view content);

}  // namespace normact::tools
