# cmake -DCOMPILER=... -DINCLUDE=... -P: every header installed under INCLUDE compiles on its own, and includes none of
# the libraries that mien is built with.
cmake_minimum_required(VERSION 3.22)
file(GLOB_RECURSE headers RELATIVE ${INCLUDE} ${INCLUDE}/mien/*.h)
list(LENGTH headers count)
if(count EQUAL 0)
  message(FATAL_ERROR "no header under ${INCLUDE}")
endif()
foreach(header IN LISTS headers)
  file(STRINGS ${INCLUDE}/${header} found
    REGEX "^ *# *include *[<\"](Eigen|hwy|cuda|cublas|nlohmann|CLI|stb|boost|omp\\.h|catch2|immintrin)")
  if(found)
    message(SEND_ERROR "${header}: ${found}")
  endif()
  execute_process(COMMAND ${COMPILER} -std=c++20 -Wall -Wextra -Werror -fsyntax-only -I ${INCLUDE} -include ${header} -x c++ /dev/null
    RESULT_VARIABLE failed ERROR_VARIABLE errors)
  if(failed)
    message(SEND_ERROR "${header} does not compile alone:\n${errors}")
  endif()
endforeach()
# mien.h brings all of them but the tools that the library keeps for itself.
set(own core/nearest_name core/numbers data/face_canvas io/crc32 io/document_parts io/exif io/file io/hdf5 io/hdf5_child io/hdf5_lock
  io/html io/image_structure io/input_file io/json_depth io/keras_config io/keras_weights io/limited_child io/md5
  io/onnx_graph io/plot_area io/plot_axis io/protobuf io/stb io/svg io/text io/zip kernels/algorithm
  layers/config_parts layers/plan_parts train/feature_cache)
execute_process(COMMAND ${COMPILER} -std=c++20 -M -I ${INCLUDE} -x c++ ${INCLUDE}/mien/mien.h OUTPUT_VARIABLE reached)
foreach(header IN LISTS headers)
  string(REGEX REPLACE "^mien/(.*)\\.h$" "\\1" name ${header})
  string(FIND "${reached}" "/${header}" place)
  if(place EQUAL -1 AND NOT name IN_LIST own)
    message(SEND_ERROR "mien.h does not include ${header}")
  endif()
endforeach()
message(STATUS "${count} headers")
