# normact_fuzzer(NAME SOURCES … SEEDS folder DICTIONARY file): a libFuzzer program with sanitizers, and a test that runs
# it for 10 seconds. libFuzzer comes with clang++ alone, so clang++ builds it whatever compiler builds the rest.

if(NORMACT_FUZZERS)
    find_program(NORMACT_CLANGXX NAMES clang++ clang++-19 clang++-18 clang++-17 clang++-16 clang++-15 clang++-14)
    if(NOT NORMACT_CLANGXX)
        message(FATAL_ERROR "NORMACT_FUZZERS needs clang++ and libclang-rt-14-dev, or run tools/setup --tests")
    endif()
endif()

set(normact_fuzzer_flags -std=c++20 -g -O1 -fno-omit-frame-pointer -fsanitize=address,undefined
    -fno-sanitize-recover=all)

# Compiles a source of the current folder; objects are shared by the folder's fuzzers.
function(normact_fuzzer_object source object)
    get_property(known GLOBAL PROPERTY normact_fuzzer_objects)
    if(object IN_LIST known)
        return()
    endif()
    set_property(GLOBAL APPEND PROPERTY normact_fuzzer_objects ${object})
    add_custom_command(OUTPUT ${object}
        COMMAND ${NORMACT_CLANGXX} ${normact_fuzzer_flags} -fsanitize=fuzzer-no-link -I${PROJECT_SOURCE_DIR}
                -MD -MF ${object}.d -MT ${object} -c ${CMAKE_CURRENT_SOURCE_DIR}/${source} -o ${object}
        DEPENDS ${source} DEPFILE ${object}.d VERBATIM
        COMMENT "Building ${source} for fuzzing")
endfunction()

function(normact_fuzzer name)
    if(NOT NORMACT_FUZZERS)
        return()
    endif()
    cmake_parse_arguments(ARG "" "SEEDS;DICTIONARY" "SOURCES" ${ARGN})
    set(folder ${CMAKE_CURRENT_BINARY_DIR}/fuzzers)
    file(MAKE_DIRECTORY ${folder}/${name}_corpus)
    set(objects)
    foreach(source IN LISTS ARG_SOURCES)
        normact_fuzzer_object(${source} ${folder}/${source}.o)
        list(APPEND objects ${folder}/${source}.o)
    endforeach()
    add_custom_command(OUTPUT ${folder}/${name}
        COMMAND ${NORMACT_CLANGXX} ${normact_fuzzer_flags} -fsanitize=fuzzer ${objects} -o ${folder}/${name}
        DEPENDS ${objects} VERBATIM
        COMMENT "Linking ${name}")
    add_custom_target(${name} ALL DEPENDS ${folder}/${name})
    get_property(last GLOBAL PROPERTY normact_last_fuzzer)
    if(last)
        add_dependencies(${name} ${last})  # two targets that share objects must not build them at once
    endif()
    set_property(GLOBAL PROPERTY normact_last_fuzzer ${name})
    # What it finds interesting is kept in the build folder; what breaks is kept there too, and its path printed.
    add_test(NAME fuzz.${name}
        COMMAND ${folder}/${name} -max_total_time=10 -max_len=4096 -timeout=10 -rss_limit_mb=2048 -print_final_stats=1
                -dict=${CMAKE_CURRENT_SOURCE_DIR}/${ARG_DICTIONARY} -artifact_prefix=${folder}/${name}-
                ${folder}/${name}_corpus ${CMAKE_CURRENT_SOURCE_DIR}/${ARG_SEEDS})
    set_tests_properties(fuzz.${name} PROPERTIES TIMEOUT 120)
endfunction()
