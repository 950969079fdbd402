# What every target of normact shares: the language, the warnings, and how a folder declares its library and its tests.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_COMPILE_OPTIONS_PIE -fPIC)  # programs like libraries, so that they can share precompiled headers
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "Release, RelWithDebInfo or Debug" FORCE)
endif()

add_library(normact_options INTERFACE)
target_include_directories(normact_options INTERFACE ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR}/generated)
target_compile_options(normact_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion
    -Wnon-virtual-dtor -Woverloaded-virtual $<$<BOOL:${NORMACT_WARNINGS_AS_ERRORS}>:-Werror>)
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    target_compile_options(normact_options INTERFACE -Wno-restrict)  # false alarms at "text" + std::string, GCC bug 105651
endif()

# A fast linker, where there is one: each program links LibTorch.
find_program(NORMACT_MOLD mold)
if(NORMACT_MOLD)
    target_link_options(normact_options INTERFACE -fuse-ld=mold)
endif()

if(NORMACT_SANITIZERS)
    # Each finding ends the program, so that a test fails with it.
    set(normact_sanitize -fsanitize=${NORMACT_SANITIZERS} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_compile_options(normact_options INTERFACE ${normact_sanitize})
    target_link_options(normact_options INTERFACE ${normact_sanitize})
endif()

# normact_library(FOLDER SOURCES … LINKS …): the static library normact_FOLDER of one folder.
function(normact_library folder)
    cmake_parse_arguments(ARG "" "" "SOURCES;LINKS" ${ARGN})
    add_library(normact_${folder} STATIC ${ARG_SOURCES})
    target_link_libraries(normact_${folder} PUBLIC normact_options ${ARG_LINKS})
endfunction()

# normact_tests(FOLDER SOURCES … LINKS …): one test program of a folder, each of its tests known to ctest by name.
function(normact_tests folder)
    if(NOT NORMACT_TESTS)
        return()
    endif()
    cmake_parse_arguments(ARG "" "" "SOURCES;LINKS" ${ARGN})
    add_executable(${folder}_test ${ARG_SOURCES})
    target_link_libraries(${folder}_test PRIVATE normact_${folder} ${ARG_LINKS} GTest::gtest GTest::gmock GTest::gtest_main
        rapidcheck rapidcheck_gtest)
    # What is tested is optimized in full; the tests themselves compile a quarter faster at each level less. With none, GCC
    # would not take the precompiled header of LibTorch.
    get_target_property(links normact_${folder} LINK_LIBRARIES)
    set(level -O0)
    if("LibTorch::LibTorch" IN_LIST links OR "normact_evaluator" IN_LIST links)
        set(level -O1)
    endif()
    target_compile_options(${folder}_test PRIVATE $<$<CONFIG:Release>:${level}>)
    include(GoogleTest)
    # Loading LibTorch alone takes seconds on a busy machine.
    gtest_discover_tests(${folder}_test TEST_PREFIX ${folder}. DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 120
        PROPERTIES TIMEOUT 900)
endfunction()
