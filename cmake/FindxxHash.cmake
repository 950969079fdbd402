# xxHash, used header-only: xxHash::xxHash.
find_path(xxHash_INCLUDE xxhash.h)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(xxHash REQUIRED_VARS xxHash_INCLUDE
    REASON_FAILURE_MESSAGE "install libxxhash-dev, or run tools/setup")
if(xxHash_FOUND AND NOT TARGET xxHash::xxHash)
    add_library(xxHash::xxHash INTERFACE IMPORTED)
    set_target_properties(xxHash::xxHash PROPERTIES INTERFACE_INCLUDE_DIRECTORIES ${xxHash_INCLUDE})
endif()
