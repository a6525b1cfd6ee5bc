# cmake --install: the library, its public headers, find_package(mien) and mien.pc.
include(CMakePackageConfigHelpers)
set(MIEN_PACKAGE_FOLDER ${CMAKE_INSTALL_LIBDIR}/cmake/mien)

install(TARGETS mien EXPORT mien-targets)
install(EXPORT mien-targets NAMESPACE mien:: DESTINATION ${MIEN_PACKAGE_FOLDER})
install(FILES mien.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/mien)
foreach(folder IN LISTS MIEN_FOLDERS)
  if(IS_DIRECTORY ${PROJECT_SOURCE_DIR}/${folder})
    install(DIRECTORY ${folder} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/mien FILES_MATCHING
      PATTERN "*.h" PATTERN "*.inc" PATTERN "kernels/cpu" EXCLUDE PATTERN "kernels/cuda" EXCLUDE)
  endif()
endforeach()

configure_package_config_file(cmake/mien-config.cmake.in ${PROJECT_BINARY_DIR}/generated/mien-config.cmake
  INSTALL_DESTINATION ${MIEN_PACKAGE_FOLDER})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/generated/mien-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES cmake/mien-libraries.cmake ${PROJECT_BINARY_DIR}/generated/mien-config.cmake
  ${PROJECT_BINARY_DIR}/generated/mien-config-version.cmake DESTINATION ${MIEN_PACKAGE_FOLDER})

# A static library's own needs stand in Libs, not Libs.private: nobody links it without them.
set(MIEN_PC_LIBRARIES "${OpenMP_CXX_FLAGS}")
set(compiled_libraries ${MIEN_HIGHWAY_LIBRARY})
if(MIEN_EMULATOR_BUILT)
  list(APPEND compiled_libraries ${MIEN_BOOST_CONTEXT_LIBRARY})
endif()
if(MIEN_HDF5_BUILT)
  list(APPEND compiled_libraries ${MIEN_HDF5_LIBRARY})
endif()
foreach(library IN LISTS compiled_libraries)
  get_filename_component(folder ${library} DIRECTORY)
  get_filename_component(name ${library} NAME_WE)
  string(REGEX REPLACE "^lib" "" name ${name})
  string(APPEND MIEN_PC_LIBRARIES " -L${folder} -l${name}")
endforeach()
if(MIEN_CUDA_BUILT)
  string(APPEND MIEN_PC_LIBRARIES " -L${CUDAToolkit_LIBRARY_DIR} -lcublas -lcudart_static -ldl -lrt -lpthread")
endif()
# From the .pc file up to the prefix, so that an installed tree can be moved.
file(RELATIVE_PATH MIEN_PC_UP /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" MIEN_PC_UP ${MIEN_PC_UP})
configure_file(cmake/mien.pc.in ${PROJECT_BINARY_DIR}/generated/mien.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/generated/mien.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
