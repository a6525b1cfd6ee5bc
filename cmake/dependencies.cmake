# The libraries of third_party/README.md. They are looked for by header and library, not by their own CMake files, so
# that a Debian package, another distribution's and a bare folder of headers (MIEN_DEPS) are found alike.
if(MIEN_DEPS)
  if(NOT IS_DIRECTORY ${MIEN_DEPS}/include)
    message(FATAL_ERROR "MIEN_DEPS=${MIEN_DEPS} has no include/ (scripts/gpu_check.sh --pack-deps makes such a folder)")
  endif()
  list(PREPEND CMAKE_PREFIX_PATH ${MIEN_DEPS})
endif()

# mien_require(VARIABLE FILE PACKAGE [suffix...]): VARIABLE = the folder that holds the header FILE.
function(mien_require variable file package)
  find_path(${variable} ${file} PATH_SUFFIXES ${ARGN})
  mark_as_advanced(${variable})
  if(NOT ${variable})
    message(FATAL_ERROR "${file} not found. On Debian and Ubuntu: sudo apt-get install ${package} (scripts/setup.sh installs all)")
  endif()
endfunction()

find_package(OpenMP REQUIRED COMPONENTS CXX)
mien_require(MIEN_STB_INCLUDE stb/stb_image.h libstb-dev)
mien_require(MIEN_JSON_INCLUDE nlohmann/json.hpp nlohmann-json3-dev)
mien_require(MIEN_BOOST_MATH_INCLUDE boost/math/special_functions/beta.hpp libboost-dev)
include(${CMAKE_CURRENT_LIST_DIR}/mien-libraries.cmake)
if(MIEN_HIGHWAY_PROBLEM)
  message(FATAL_ERROR "${MIEN_HIGHWAY_PROBLEM}")
endif()

# The header-only ones. Only mien's own sources see them; an installed mien does not need them.
add_library(mien_headers INTERFACE)
target_include_directories(mien_headers SYSTEM INTERFACE ${MIEN_STB_INCLUDE} ${MIEN_JSON_INCLUDE} ${MIEN_BOOST_MATH_INCLUDE})

# Optional, and for the expressions example alone: what draws its SVG plots as PNG.
find_package(PkgConfig QUIET)
if(PkgConfig_FOUND)
  pkg_check_modules(MIEN_RSVG QUIET IMPORTED_TARGET librsvg-2.0>=2.46)
endif()
