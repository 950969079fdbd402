# The data sets' part of this folder's library and tests.
set(NORMACT_DATASET_SOURCES dataset.cpp data_files.cpp cifar.cpp fashion_mnist.cpp synthetic.cpp)
set(NORMACT_DATASET_TESTS dataset_test.cpp data_files_test.cpp cifar_test.cpp fashion_mnist_test.cpp synthetic_test.cpp)

if(NORMACT_TESTS)
    add_test(NAME tools.fetch_cifar10 COMMAND ${PROJECT_SOURCE_DIR}/tools/fetch-cifar10_test.sh)
    set_tests_properties(tools.fetch_cifar10 PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 300)
endif()
