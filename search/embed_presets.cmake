# Writes preset_files.h from presets/*.json: cmake -DPRESETS=… -DOUTPUT=… -P embed_presets.cmake
set(entries "")
foreach(file ${PRESETS})
    get_filename_component(name ${file} NAME_WE)
    file(READ ${file} json)
    string(APPEND entries "    {\"${name}\", R\"json(${json})json\"},\n")
endforeach()
file(WRITE ${OUTPUT} "#pragma once

#include <array>
#include <string_view>

namespace normact::search {

struct PresetFile {
    std::string_view name;
    std::string_view json;
};

inline constexpr auto preset_files = std::to_array<PresetFile>({
${entries}});

}  // namespace normact::search
")
