#include "tools/build_identifier.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <elf.h>
#include <link.h>
#include <span>
#include <string_view>

namespace normact::tools {
namespace {

constexpr std::size_t bytes_shown = 4;

std::size_t padded(std::size_t size) { return (size + 3) / 4 * 4; }

/// The identifier in one segment of notes: each is a header, a name and a content, the latter two padded to 4 bytes.
std::string find_in_notes(std::span<const unsigned char> notes) {
    while (notes.size() >= sizeof(ElfW(Nhdr))) {
        const auto& header = *reinterpret_cast<const ElfW(Nhdr)*>(notes.data());
        const std::size_t content = sizeof header + padded(header.n_namesz);
        const std::size_t end = content + padded(header.n_descsz);
        if (end > notes.size()) break;
        if (header.n_type == NT_GNU_BUILD_ID && header.n_descsz >= bytes_shown) {
            std::string text;
            for (const unsigned char byte : notes.subspan(content, bytes_shown)) text += fmt::format("{:02x}", byte);
            return text;
        }
        notes = notes.subspan(end);
    }
    return {};
}

struct Search {
    std::string_view library;  ///< empty: the program itself, which has no name and comes first
    std::string identifier{};
};

/// Called for each loaded object until it returns 1.
int look_into(dl_phdr_info* object, std::size_t, void* data) {
    auto& search = *static_cast<Search*>(data);
    const std::string_view path = object->dlpi_name;
    if (!search.library.empty() && path.substr(path.rfind('/') + 1) != search.library) return 0;
    for (const ElfW(Phdr) & segment : std::span(object->dlpi_phdr, object->dlpi_phnum)) {
        if (segment.p_type != PT_NOTE) continue;
        // NOLINTNEXTLINE(performance-no-int-to-ptr): so the loader says where it lies
        const auto* start = reinterpret_cast<const unsigned char*>(object->dlpi_addr + segment.p_vaddr);
        const std::string found = find_in_notes({start, segment.p_memsz});
        if (!found.empty()) search.identifier = found;
    }
    return 1;
}

}  // namespace

std::string build_identifier() { return build_identifier({}); }

std::string build_identifier(std::string_view library) {
    Search search{library};
    dl_iterate_phdr(look_into, &search);
    return search.identifier;
}

}  // namespace normact::tools
