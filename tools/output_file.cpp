#include "tools/output_file.h"

#include "results/sqlite.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <random>
#include <stdexcept>
#include <system_error>
#include <unistd.h>

namespace normact::tools {
namespace fs = std::filesystem;
namespace {

/// The file that is to be replaced or made, behind all links.
fs::path target_of(const std::string& name) {
    std::error_code error;
    fs::path path = name;
    for (int links = 0; fs::is_symlink(fs::symlink_status(path, error)); ++links) {
        constexpr int most_links = 40;
        if (links == most_links)
            throw std::runtime_error(fmt::format("can't write {}: its links go in a circle", name));
        path = path.parent_path() / fs::read_symlink(path);
    }
    return path;
}

}  // namespace

OutputFile::OutputFile(const std::string& path) : name_(path), path_(path) {
    const auto refuse = [this](const char* why) {
        throw std::runtime_error(fmt::format("can't write {}: {}", name_, why));
    };
    std::error_code error;
    const auto type = fs::status(path_, error).type();
    if (type == fs::file_type::directory || !path_.has_filename()) refuse("this is a folder; name a file");
    // Where links lead matters for files alone: that of /dev/stdout leads to a pipe, which has no name.
    if (type == fs::file_type::regular || type == fs::file_type::not_found) {
        path_ = target_of(path);
        if (results::belongs_to_a_database(path_.string()))
            refuse("a study or another database is there; name another file");
        if (type == fs::file_type::regular && ::access(path_.c_str(), W_OK) != 0) refuse(std::strerror(errno));
        partial_ =
            path_.parent_path() / fmt::format(".{}.partial-{}", path_.filename().string(), std::random_device()());
    }
    stream_.open(partial_.empty() ? path_ : partial_, std::ios::binary);
    check();
}

OutputFile::~OutputFile() {
    std::error_code ignored;
    if (!partial_.empty()) fs::remove(partial_, ignored);
}

void OutputFile::write(std::string_view text) {
    stream_ << text;
    check();
}

void OutputFile::finish() {
    stream_.close();
    check();
    if (!partial_.empty()) fs::rename(partial_, path_);
}

void OutputFile::check() const {
    if (!stream_) throw std::runtime_error(fmt::format("can't write {}: {}", name_, std::strerror(errno)));
}

void replace_text_file(const std::string& path, std::string_view content) {
    OutputFile file(path);
    file.write(content);
    file.finish();
}

}  // namespace normact::tools
