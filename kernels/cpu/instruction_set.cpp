// The choice among Highway's targets: a set is forced by hiding the wider targets from Highway's dispatch.
#include "mien/kernels/cpu/instruction_set.h"

#include <hwy/targets.h>

#include <cstdlib>

#include "mien/kernels/error.h"

namespace mien::kernels::cpu {
namespace {

constexpr InstructionSet all_sets[] = {InstructionSet::sse2, InstructionSet::sse4, InstructionSet::avx2,
                                       InstructionSet::avx512};

/// Highway's bit for the set. Its plain C++ target stands for SSE2, which the compiler may assume on every x86-64.
std::int64_t target(InstructionSet set) {
  switch (set) {
    case InstructionSet::avx512:
      return HWY_AVX3;
    case InstructionSet::avx2:
      return HWY_AVX2;
    case InstructionSet::sse4:
      return HWY_SSE4;
    default:
      return HWY_EMU128;
  }
}

bool is_supported(InstructionSet set) {
  static const std::int64_t machine = hwy::SupportedTargets();
  return set == InstructionSet::sse2 || (machine & target(set)) != 0;
}

void apply(InstructionSet set) {
  check(is_supported(set), "cpu", "this machine lacks the instruction set. Asked for ", name(set), ".");
  hwy::SetSupportedTargetsForTest(target(set));
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

InstructionSet choose() {
  if (const char* const wanted = std::getenv("MIEN_ISA"); wanted && *wanted) {
    for (const InstructionSet set : all_sets)
      if (name(set) == wanted) return set;
    fail("cpu", "MIEN_ISA must be sse2, sse4, avx2 or avx512. Got ", wanted, ".");
  }
  return supported_instruction_sets().back();
}

InstructionSet& current() {
  static InstructionSet set = [] {
    const InstructionSet chosen = choose();
    apply(chosen);
    return chosen;
  }();
  return set;
}

}  // namespace

std::string_view name(InstructionSet set) {
  switch (set) {
    case InstructionSet::avx512:
      return "avx512";
    case InstructionSet::avx2:
      return "avx2";
    case InstructionSet::sse4:
      return "sse4";
    default:
      return "sse2";
  }
}

std::vector<InstructionSet> supported_instruction_sets() {
  std::vector<InstructionSet> supported;
  for (const InstructionSet set : all_sets)
    if (is_supported(set)) supported.push_back(set);
  return supported;
}

InstructionSet instruction_set() { return current(); }

void use_instruction_set(InstructionSet set) {
  InstructionSet& now = current();
  apply(set);
  now = set;
}

}  // namespace mien::kernels::cpu
