# Whether others can use mien: installs it into the build folder, then builds tests/consumer against that by
# find_package and by pkg-config, and with the sources by add_subdirectory.
set(prefix ${CMAKE_CURRENT_BINARY_DIR}/installed)
set(consumer ${CMAKE_CURRENT_SOURCE_DIR}/consumer)
string(JOIN " " consumer_flags ${CMAKE_CXX_FLAGS} ${MIEN_SANITIZER_FLAGS})

add_test(NAME "install: cmake --install" COMMAND ${CMAKE_COMMAND} --install ${PROJECT_BINARY_DIR} --prefix ${prefix})
set_tests_properties("install: cmake --install" PROPERTIES FIXTURES_SETUP installed)

add_test(NAME "install: public headers name no dependency and compile alone"
  COMMAND ${CMAKE_COMMAND} -DCOMPILER=${CMAKE_CXX_COMPILER} -DINCLUDE=${prefix}/${CMAKE_INSTALL_INCLUDEDIR}
    -P ${CMAKE_CURRENT_SOURCE_DIR}/public_headers.cmake)
add_test(NAME "install: a project of its own uses mien by find_package"
  COMMAND ${CMAKE_CTEST_COMMAND} --build-and-test ${consumer} ${CMAKE_CURRENT_BINARY_DIR}/by_find_package
    --build-generator ${CMAKE_GENERATOR} --build-makeprogram ${CMAKE_MAKE_PROGRAM}
    --build-options -DCMAKE_PREFIX_PATH=${prefix} -DCMAKE_CXX_COMPILER=${CMAKE_CXX_COMPILER}
      "-DCMAKE_CXX_FLAGS=${consumer_flags}" -DCMAKE_BUILD_TYPE=Release
    --test-command consumer)
set_tests_properties("install: public headers name no dependency and compile alone"
  "install: a project of its own uses mien by find_package" PROPERTIES FIXTURES_REQUIRED installed TIMEOUT 300)

find_program(MIEN_PKG_CONFIG pkg-config)
mark_as_advanced(MIEN_PKG_CONFIG)
if(MIEN_PKG_CONFIG)
  add_test(NAME "install: a program uses mien by pkg-config"
    COMMAND sh -e -c "${CMAKE_CXX_COMPILER} -std=c++20 ${consumer_flags} ${consumer}/main.cpp -o by_pkg_config $(${MIEN_PKG_CONFIG} --cflags --libs mien) && ./by_pkg_config")
  set_tests_properties("install: a program uses mien by pkg-config" PROPERTIES FIXTURES_REQUIRED installed TIMEOUT 300
    ENVIRONMENT PKG_CONFIG_PATH=${prefix}/${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endif()

# This one builds mien again. Unoptimised, for what is asked is whether it builds and links.
add_test(NAME "install: a project of its own uses mien by add_subdirectory"
  COMMAND ${CMAKE_CTEST_COMMAND} --build-and-test ${consumer} ${CMAKE_CURRENT_BINARY_DIR}/by_add_subdirectory
    --build-generator ${CMAKE_GENERATOR} --build-makeprogram ${CMAKE_MAKE_PROGRAM} --build-target consumer
    --build-options -DMIEN_SOURCE=${PROJECT_SOURCE_DIR} -DMIEN_CUDA=OFF -DMIEN_DEPS=${MIEN_DEPS}
      -DCMAKE_CXX_COMPILER=${CMAKE_CXX_COMPILER} -DCMAKE_BUILD_TYPE=Debug "-DCMAKE_CXX_FLAGS_DEBUG=-O0"
      -DCMAKE_CXX_COMPILER_LAUNCHER=${CMAKE_CXX_COMPILER_LAUNCHER}
    --test-command consumer)
set_tests_properties("install: a project of its own uses mien by add_subdirectory" PROPERTIES TIMEOUT 900 PROCESSORS 2)
