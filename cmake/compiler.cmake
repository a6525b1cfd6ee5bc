# Compiler flags and the compiler cache.
set(MIEN_WARNINGS $<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra> $<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-Wall,-Wextra>)

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
