# LibTorch without the CUDA toolkit: the imported target LibTorch::LibTorch holds the CPU half of LibTorch (libtorch_cpu,
# libc10). The package configuration inside the torch wheel stops with an error where no CUDA toolkit is installed.
#
# NORMACT_LIBTORCH: the folder with LibTorch's include/ and lib/ (a user's own, or `site-packages/torch`).
# Default: the virtual environment that tools/setup makes.

if(NOT NORMACT_LIBTORCH)
    file(GLOB normact_wheel ${PROJECT_SOURCE_DIR}/.deps/venv/lib/python3*/site-packages/torch)
    set(NORMACT_LIBTORCH "${normact_wheel}" CACHE PATH "Folder with LibTorch's include/ and lib/" FORCE)
endif()

# Not cached: they follow NORMACT_LIBTORCH whenever it changes.
find_path(LibTorch_INCLUDE torch/csrc/api/include/torch/torch.h PATHS ${NORMACT_LIBTORCH}/include NO_CACHE NO_DEFAULT_PATH)
find_library(LibTorch_CPU torch_cpu PATHS ${NORMACT_LIBTORCH}/lib NO_CACHE NO_DEFAULT_PATH)
find_library(LibTorch_C10 c10 PATHS ${NORMACT_LIBTORCH}/lib NO_CACHE NO_DEFAULT_PATH)

# The header that defines the version moved between releases.
foreach(header IN ITEMS torch/headeronly/version.h torch/csrc/api/include/torch/version.h)
    if(NOT LibTorch_VERSION AND EXISTS "${NORMACT_LIBTORCH}/include/${header}")
        file(STRINGS "${NORMACT_LIBTORCH}/include/${header}" normact_numbers REGEX "define TORCH_VERSION_(MAJOR|MINOR|PATCH) ")
        list(TRANSFORM normact_numbers REPLACE ".*[A-Z] ([0-9]+).*" "\\1")
        list(JOIN normact_numbers "." LibTorch_VERSION)
        list(GET normact_numbers 1 LibTorch_VERSION_MINOR)
    endif()
endforeach()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LibTorch
    REQUIRED_VARS LibTorch_CPU LibTorch_C10 LibTorch_INCLUDE
    VERSION_VAR LibTorch_VERSION
    REASON_FAILURE_MESSAGE "looked in '${NORMACT_LIBTORCH}'. Run tools/setup, or name yours: -DNORMACT_LIBTORCH=<folder with include/ and lib/>")

if(LibTorch_FOUND AND NOT LibTorch_VERSION MATCHES "^2\\.11\\.")
    message(WARNING "normact is tested with LibTorch 2.11; this one, in ${NORMACT_LIBTORCH}, says it is '${LibTorch_VERSION}'.")
endif()

if(LibTorch_FOUND AND NOT TARGET LibTorch::LibTorch)
    add_library(LibTorch::C10 SHARED IMPORTED)
    set_target_properties(LibTorch::C10 PROPERTIES IMPORTED_LOCATION ${LibTorch_C10})
    add_library(LibTorch::LibTorch SHARED IMPORTED)
    set_target_properties(LibTorch::LibTorch PROPERTIES
        IMPORTED_LOCATION ${LibTorch_CPU}
        INTERFACE_INCLUDE_DIRECTORIES "${LibTorch_INCLUDE};${LibTorch_INCLUDE}/torch/csrc/api/include"
        INTERFACE_LINK_LIBRARIES LibTorch::C10)
    # What libtorch_cpu itself links to (CUDA's runtime and profiler) is found at run time through its own rpath.
    set_property(TARGET LibTorch::LibTorch PROPERTY INTERFACE_LINK_OPTIONS -Wl,--allow-shlib-undefined)
endif()

# LibTorch::CUDA: the other half, where LibTorch has it and CUDA's headers are there, from the toolkit or from the wheel
# that comes with torch.
find_library(LibTorch_CUDA torch_cuda PATHS ${NORMACT_LIBTORCH}/lib NO_CACHE NO_DEFAULT_PATH)
find_library(LibTorch_C10_CUDA c10_cuda PATHS ${NORMACT_LIBTORCH}/lib NO_CACHE NO_DEFAULT_PATH)
find_path(LibTorch_CUDA_INCLUDE crt/host_defines.h  # the last that a folder of all headers lacks
    PATHS ${NORMACT_LIBTORCH}/../nvidia/cu13/include /usr/local/cuda/include NO_CACHE NO_DEFAULT_PATH)
if(LibTorch_FOUND AND LibTorch_CUDA AND LibTorch_C10_CUDA AND LibTorch_CUDA_INCLUDE AND NOT TARGET LibTorch::CUDA)
    add_library(LibTorch::C10_CUDA SHARED IMPORTED)
    set_target_properties(LibTorch::C10_CUDA PROPERTIES IMPORTED_LOCATION ${LibTorch_C10_CUDA})
    add_library(LibTorch::CUDA SHARED IMPORTED)
    set_target_properties(LibTorch::CUDA PROPERTIES
        IMPORTED_LOCATION ${LibTorch_CUDA}
        INTERFACE_INCLUDE_DIRECTORIES ${LibTorch_CUDA_INCLUDE}
        INTERFACE_LINK_LIBRARIES LibTorch::C10_CUDA)
    set_property(TARGET LibTorch::CUDA PROPERTY INTERFACE_LINK_OPTIONS -Wl,--allow-shlib-undefined)
endif()
