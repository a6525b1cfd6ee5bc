// The surroundings of the process: OpenMP's settings, Ctrl-C, the machine's name.
#pragma once

#include <string>

namespace mien::expressions {

/// Keeps each OpenMP thread on a processor of its own. OpenMP reads its environment before main() begins, so the
/// program starts itself once more with what was missing; what the user has set stays.
void pin_threads(char** arguments);

/// While one of these lives, Ctrl-C sets a flag instead of ending the program; a second Ctrl-C ends it.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;
  static bool interrupted();
};

/// "Intel(R) Xeon(R) Processor, 2 processors, 24 GB"
std::string machine();

/// "2026-11-24 17:03 UTC"
std::string now_text();

}  // namespace mien::expressions
