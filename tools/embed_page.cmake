# Writes page_files.h from page/*: cmake -DFILES=… -DOUTPUT=… -P embed_page.cmake
# With each file's SHA-256, by which the page's content security policy knows it.
set(entries "")
foreach(file ${FILES})
    get_filename_component(name ${file} NAME)
    file(READ ${file} content)
    file(SHA256 ${file} hash)
    string(APPEND entries "    {\"${name}\", \"${hash}\", R\"page(${content})page\"},\n")
endforeach()
file(WRITE ${OUTPUT} "#pragma once

#include <array>
#include <string_view>

namespace normact::tools {

struct EmbeddedFile {
    std::string_view name;
    std::string_view sha256;  // 64 hexadecimal digits
    std::string_view content;
};

inline constexpr auto page_files = std::to_array<EmbeddedFile>({
${entries}});

}  // namespace normact::tools
")
