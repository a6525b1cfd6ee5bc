// The build's own description.
#include <catch2/catch.hpp>

#include "mien/core/build_info.h"
#include "mien/kernels/kernels.h"

using namespace mien;

TEST_CASE("the build says of each CUDA backend whether it is there, as the dispatch does, and why", "[build_info]") {
  const BuildInfo& info = build_info();
  CHECK(info.cuda.substr(0, 3) == (kernels::is_built(Device::cuda) ? "yes" : "no "));
  CHECK(info.emulator.substr(0, 3) == (kernels::is_built(Device::cuda_emulated) ? "yes" : "no "));
  CHECK(info.cuda.back() == ')');
  CHECK(info.emulator.back() == ')');
}

TEST_CASE("the build knows its version, compiler, flags and libraries", "[build_info]") {
  const BuildInfo& info = build_info();
  CHECK(info.version.find('.') != std::string_view::npos);
  CHECK_FALSE(info.commit.empty());
  CHECK_FALSE(info.compiler.empty());
  CHECK_FALSE(info.build_type.empty());
  CHECK(info.flags.find("march=native") == std::string_view::npos);
  CHECK(info.libraries.find("Highway ") != std::string_view::npos);
  CHECK((info.libraries.find("HDF5 1.") != std::string_view::npos) == (info.keras_files.substr(0, 3) == "yes"));
  CHECK(info.libraries.find("..") == std::string_view::npos);
}
