// info: what this program is made of and runs on.
#include <iostream>
#include <nlohmann/json.hpp>

#include "commands.h"
#include "environment.h"
#include "mien/core/build_info.h"
#include "mien/core/device.h"

namespace mien::expressions {

int info(const OutputOptions& output) {
  const BuildInfo& build = build_info();
  const std::vector<std::pair<std::string, std::string>> facts{
      {"version", join(build.version, " ", build.commit)},
      {"compiler", std::string(build.compiler)},
      {"build", join(build.build_type, ", ", build.flags)},
      {"libraries", std::string(build.libraries)},
      {"machine", machine()},
      {"cpu", describe(Device::cpu)},
      {"cuda", describe(Device::cuda)},
      {"cuda_emulated", describe(Device::cuda_emulated)},
      {"cuda kernels", join("built: ", build.cuda)},
      {"emulated kernels", join("built: ", build.emulator)},
      {"keras files", join("built: ", build.keras_files)},
  };
  if (output.json) {
    nlohmann::ordered_json json;
    for (const auto& [name, value] : facts) json[name] = value;
    std::cout << json.dump(2) << '\n';
    return 0;
  }
  for (const auto& [name, value] : facts) std::cout << name << std::string(18 - name.size(), ' ') << value << '\n';
  return 0;
}

}  // namespace mien::expressions
