// What this build of mien is made of, as decided when it was configured.
#pragma once

#include <string_view>

namespace mien {

/// One build: what `expressions info` prints and a run's config.json records.
struct BuildInfo {
  std::string_view version;      ///< "0.1.0"
  std::string_view commit;       ///< of git, when configured; "unknown" outside a clone
  std::string_view compiler;     ///< "GNU 12.2.0"
  std::string_view build_type;   ///< "Release"
  std::string_view flags;        ///< of the C++ compiler
  std::string_view cuda;         ///< whether it holds kernels for GPUs, and why: "no (MIEN_CUDA=OFF)"
  std::string_view emulator;     ///< the same of the emulated CUDA kernels
  std::string_view keras_files;  ///< whether it reads and writes Keras's HDF5 files, and why
  std::string_view libraries;    ///< "Highway 1.0.3, OpenMP 4.5"
};

/// This build.
const BuildInfo& build_info();

}  // namespace mien
