# Compiler flags and the compiler cache.
set(MIEN_WARNINGS $<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra> $<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-Wall,-Wextra>)

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # GCC 12 sees overlapping copies in std::string where there are none (gcc.gnu.org/PR105651).
  list(APPEND MIEN_WARNINGS $<$<COMPILE_LANGUAGE:CXX>:-Wno-restrict>)
  if(MIEN_SANITIZE)
    # And, under the sanitizers, uninitialised members in std::regex (gcc.gnu.org/PR105562).
    list(APPEND MIEN_WARNINGS $<$<COMPILE_LANGUAGE:CXX>:-Wno-maybe-uninitialized>)
  endif()
endif()

set(MIEN_OLDEST_GNU 12)
set(MIEN_OLDEST_Clang 14)
if(DEFINED MIEN_OLDEST_${CMAKE_CXX_COMPILER_ID} AND
   CMAKE_CXX_COMPILER_VERSION VERSION_LESS MIEN_OLDEST_${CMAKE_CXX_COMPILER_ID})
  message(FATAL_ERROR "mien needs GCC 12 or Clang 14 at least; ${CMAKE_CXX_COMPILER} is "
    "${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}. Choose another by -DCMAKE_CXX_COMPILER=g++-12")
endif()

find_program(MIEN_CCACHE ccache)
if(MIEN_CCACHE AND PROJECT_IS_TOP_LEVEL)
  foreach(language CXX CUDA)
    if(NOT CMAKE_${language}_COMPILER_LAUNCHER)
      set(CMAKE_${language}_COMPILER_LAUNCHER ${MIEN_CCACHE})
    endif()
  endforeach()
endif()

if(MIEN_SANITIZE)
  # For all that is built here: half-sanitized programs report what is not there.
  set(MIEN_SANITIZER_FLAGS -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:${MIEN_SANITIZER_FLAGS};-O1>")
  add_compile_definitions(_GLIBCXX_ASSERTIONS)
  add_link_options(${MIEN_SANITIZER_FLAGS})
endif()

if(BUILD_SHARED_LIBS)
  set(CMAKE_POSITION_INDEPENDENT_CODE ON)
endif()
