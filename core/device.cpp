#include "mien/core/device.h"

#include <omp.h>

#include "mien/kernels/cpu/instruction_set.h"
#include "mien/kernels/error.h"

namespace mien {

std::string_view name(Device device) {
  switch (device) {
    case Device::cpu:
      return "cpu";
    case Device::cuda:
      return "cuda";
    case Device::cuda_emulated:
      return "cuda_emulated";
  }
  return "unknown";
}

std::ostream& operator<<(std::ostream& out, Device device) { return out << name(device); }

Device parse_device(std::string_view text) {
  for (Device device : {Device::cpu, Device::cuda, Device::cuda_emulated})
    if (text == name(device)) return device;
  fail("device", "devices are cpu, cuda and cuda_emulated. Got \"", text, "\".");
}

bool is_available(Device device) {
  if (!kernels::is_built(device)) return false;
  if (device != Device::cuda) return true;
  try {
    void* block = nullptr;
    kernels::allocate(device)(256, &block);
    kernels::release(device)(block);
    return true;
  } catch (const Error&) {
    return false;
  }
}

std::string describe(Device device) {
  if (device == Device::cpu)
    return join("cpu (", threads(), threads() == 1 ? " thread, " : " threads, ",
                kernels::cpu::name(kernels::cpu::instruction_set()), ")");
  if (!kernels::is_built(device)) return join(device, " (not in this build)");
  if (device == Device::cuda_emulated) return "cuda (emulated)";
  return is_available(device) ? "cuda" : "cuda (built, but no GPU answers)";
}

void set_threads(int count) {
  check(count >= 1, "threads", "at least one thread is needed. Got ", count, ".");
  omp_set_num_threads(count);
}

int threads() { return omp_get_max_threads(); }

}  // namespace mien
