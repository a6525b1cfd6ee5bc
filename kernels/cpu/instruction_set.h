// Which instructions the CPU kernels use. One binary holds each vectorised kernel once per instruction set (Google
// Highway compiles them); the widest that the machine has is taken at run time, or the one that MIEN_ISA names.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace mien::kernels::cpu {

enum class InstructionSet : std::uint8_t { sse2, sse4, avx2, avx512 };

/// "sse2", "sse4", "avx2" or "avx512".
std::string_view name(InstructionSet set);

/// Those that this machine has, narrowest first.
std::vector<InstructionSet> supported_instruction_sets();

/// The one in use: the widest supported, or what the environment variable MIEN_ISA names at the first call. Throws
/// Error where it names none, or one that this machine lacks.
InstructionSet instruction_set();

/// Changes it for the whole process, for tests. Throws Error where the machine lacks it. No kernel may be running.
void use_instruction_set(InstructionSet set);

}  // namespace mien::kernels::cpu
