# Writes preset_files.h from presets/*.json: cmake -DPRESETS=… -DOUTPUT=… -P embed_presets.cmake
set(entries "")
foreach(file ${PRESETS})
    get_filename_component(name ${file} NAME_WE)
    file(READ ${file} json)
    string(APPEND entries "    {\"${name}\", R\"json(${json})json\"},\n")
endforeach()
file(WRITE ${OUTPUT} "#pragma once

#include <string_view>

namespace normact::search {

struct PresetFile {
    std::string_view name;
    std::string_view json;
};

inline constexpr PresetFile preset_files[] = {
${entries}};

}  // namespace normact::search
")
