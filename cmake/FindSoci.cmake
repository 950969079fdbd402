# SOCI's core and its SQLite and PostgreSQL back ends, linked statically: Soci::Soci.
find_path(Soci_INCLUDE soci/soci.h)
find_path(Soci_POSTGRESQL_INCLUDE libpq-fe.h PATH_SUFFIXES postgresql)
find_library(Soci_CORE libsoci_core.a)
find_library(Soci_SQLITE libsoci_sqlite3.a)
find_library(Soci_SQLITE_CLIENT sqlite3)
find_library(Soci_POSTGRESQL libsoci_postgresql.a)
find_library(Soci_POSTGRESQL_CLIENT pq)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Soci REQUIRED_VARS Soci_CORE Soci_SQLITE Soci_SQLITE_CLIENT Soci_POSTGRESQL
    Soci_POSTGRESQL_CLIENT Soci_INCLUDE Soci_POSTGRESQL_INCLUDE
    REASON_FAILURE_MESSAGE "install libsoci-dev, libsqlite3-dev and libpq-dev, or run tools/setup")
if(Soci_FOUND AND NOT TARGET Soci::Soci)
    add_library(Soci::Soci INTERFACE IMPORTED)
    set_target_properties(Soci::Soci PROPERTIES
        INTERFACE_INCLUDE_DIRECTORIES "${Soci_INCLUDE};${Soci_POSTGRESQL_INCLUDE}"
        INTERFACE_LINK_LIBRARIES
            "${Soci_SQLITE};${Soci_POSTGRESQL};${Soci_CORE};${Soci_SQLITE_CLIENT};${Soci_POSTGRESQL_CLIENT};${CMAKE_DL_LIBS}")
endif()
