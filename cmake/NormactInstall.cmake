# `cmake --install`: a tree that runs from any place, also on a machine that has LibTorch and none of the other libraries.
#
#   bin/normact       finds LibTorch and starts
#   libexec/normact   the program
#   lib/              the libraries that it needs beside LibTorch and the C library
#   lib/python/       the package `normact` for the PyTorch of that machine
#   bin/gpu-check     checks and measures the engine cuda

set_target_properties(normact PROPERTIES INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")
# DT_RPATH, not DT_RUNPATH: it also holds for what the bundled libraries need of each other.
target_link_options(normact PRIVATE -Wl,--disable-new-dtags)

configure_file(cmake/normact.sh.in normact.sh @ONLY)
install(PROGRAMS ${PROJECT_BINARY_DIR}/normact.sh TYPE BIN RENAME normact)
install(TARGETS normact RUNTIME_DEPENDENCY_SET normact_libraries RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR})
set_target_properties(normact_operators PROPERTIES INSTALL_RPATH "$ORIGIN/../..")
install(TARGETS normact_operators RUNTIME_DEPENDENCY_SET normact_libraries
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/python/normact)
if(TARGET normact_cuda_graphs)
    install(TARGETS normact_cuda_graphs LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
endif()
install(DIRECTORY python/normact DESTINATION ${CMAKE_INSTALL_LIBDIR}/python
    FILES_MATCHING PATTERN "*.py" PATTERN "__pycache__" EXCLUDE)
install(PROGRAMS tools/gpu-check TYPE BIN)
install(FILES bench/plain_layer.py bench/torch_anchors.py DESTINATION ${CMAKE_INSTALL_LIBDIR}/python/bench)  # for it
install(RUNTIME_DEPENDENCY_SET normact_libraries
    # LibTorch is the other machine's; the C library and its loader belong together and to the system.
    PRE_EXCLUDE_REGEXES "^lib(torch|c10|gomp)" "^ld-linux" "^lib(c|m|dl|rt|pthread|resolv|util)\\.so"
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES LICENSE TYPE DOC)

if(NORMACT_TESTS AND NOT NORMACT_SANITIZERS)
    add_test(NAME install.runs_on_another_machine
        COMMAND ${PROJECT_SOURCE_DIR}/cmake/relocation_test.sh ${PROJECT_BINARY_DIR} ${NORMACT_LIBTORCH}
            ${NORMACT_PYTHON})
    set_tests_properties(install.runs_on_another_machine PROPERTIES TIMEOUT 300 SKIP_RETURN_CODE 77)
endif()
