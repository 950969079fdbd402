#pragma once

#include "proxy_tasks/settings.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace normact::proxy_tasks {

/// Files of a data set that are missing, of the wrong size, or not what they should be. The message names the file,
/// what is wrong with it, and how to get a right one.
class DatasetError : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/// One file of a data set and what it must hold.
struct DataFile {
    std::string name;
    std::uint64_t size = 0;             ///< bytes, after unpacking
    std::optional<std::uint64_t> xxh3;  ///< XXH3-64 of those bytes, where it is known
};

/// Where the files of a data set come from: for finding them, and for saying how to get them.
struct DataSource {
    std::string name;        ///< "CIFAR-10"
    std::string folder;      ///< that its archive or package makes: "cifar-10-batches-bin"
    std::string key_file;    ///< lies in that folder
    std::string how_to_get;  ///< a sentence: "Get it with tools/fetch-cifar10."
};

/// The folders that are searched, in this order: settings.folder alone if it is given, else $NORMACT_DATA,
/// $XDG_DATA_HOME/normact (or ~/.local/share/normact) and /usr/share/datasets.
std::vector<std::filesystem::path> data_places(const DatasetSettings& settings);

/// The first place with the source's folder, or with its files themselves. Throws DatasetError that lists the places.
std::filesystem::path find_data(const DataSource& source, const DatasetSettings& settings);

using Bytes = std::vector<std::uint8_t>;

/// The content of a file in `folder`; gzip is undone where the file is packed. Throws DatasetError unless size and
/// checksum are right.
Bytes read_checked(const std::filesystem::path& folder, const DataFile& file, const DataSource& source);

}  // namespace normact::proxy_tasks
