# cpp-httplib as Debian builds it: Httplib::Httplib. Sources that include its header need Httplib_DEFINITIONS, the
# options that its library was built with.
find_path(Httplib_INCLUDE httplib.h)
find_library(Httplib_LIBRARY cpp-httplib)
set(Httplib_DEFINITIONS CPPHTTPLIB_OPENSSL_SUPPORT CPPHTTPLIB_ZLIB_SUPPORT CPPHTTPLIB_BROTLI_SUPPORT)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Httplib REQUIRED_VARS Httplib_LIBRARY Httplib_INCLUDE
    REASON_FAILURE_MESSAGE "install libcpp-httplib-dev, or run tools/setup")
if(Httplib_FOUND AND NOT TARGET Httplib::Httplib)
    add_library(Httplib::Httplib UNKNOWN IMPORTED)
    set_target_properties(Httplib::Httplib PROPERTIES IMPORTED_LOCATION "${Httplib_LIBRARY}"
        INTERFACE_INCLUDE_DIRECTORIES "${Httplib_INCLUDE}")
endif()
