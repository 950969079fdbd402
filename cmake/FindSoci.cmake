# SOCI's core and its SQLite back end, linked statically: Soci::Soci.
find_path(Soci_INCLUDE soci/soci.h)
find_library(Soci_CORE libsoci_core.a)
find_library(Soci_SQLITE libsoci_sqlite3.a)
find_library(Soci_SQLITE_CLIENT sqlite3)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Soci REQUIRED_VARS Soci_CORE Soci_SQLITE Soci_SQLITE_CLIENT Soci_INCLUDE
    REASON_FAILURE_MESSAGE "install libsoci-dev and libsqlite3-dev, or run tools/setup")
if(Soci_FOUND AND NOT TARGET Soci::Soci)
    add_library(Soci::Soci INTERFACE IMPORTED)
    set_target_properties(Soci::Soci PROPERTIES
        INTERFACE_INCLUDE_DIRECTORIES ${Soci_INCLUDE}
        INTERFACE_LINK_LIBRARIES "${Soci_SQLITE};${Soci_CORE};${Soci_SQLITE_CLIENT};${CMAKE_DL_LIBS}")
endif()
