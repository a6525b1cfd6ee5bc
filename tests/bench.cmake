# The benchmark programs run, in short, and their output can be read: they are built with the tests wherever Google
# Benchmark is installed, so that a kernel's new signature cannot pass them by.
set(test "bench: a few cases run and make a table")
find_package(benchmark QUIET)
if(NOT benchmark_FOUND AND NOT MIEN_BENCH)
  add_test(NAME ${test} COMMAND ${CMAKE_COMMAND} -E echo "skipped: Google Benchmark (libbenchmark-dev) is not installed")
  set_tests_properties(${test} PROPERTIES SKIP_REGULAR_EXPRESSION "skipped:")
  message(STATUS "  benchmarks not built, nor tested: Google Benchmark (libbenchmark-dev) is not installed")
elseif(Python3_FOUND)
  if(NOT MIEN_BENCH)
    add_subdirectory(${PROJECT_SOURCE_DIR}/bench ${PROJECT_BINARY_DIR}/bench)
  endif()
  add_test(NAME ${test} COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/bench.py $<TARGET_FILE:bench_kernels>
    $<TARGET_FILE:bench_network> ${PROJECT_SOURCE_DIR}/bench)
  set_tests_properties(${test} PROPERTIES TIMEOUT ${timeout})
endif()
