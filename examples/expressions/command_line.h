// From the command line to a command, and from its outcome to an exit code.
#pragma once

namespace mien::expressions {

/// Runs the command and returns the exit code: 0; 1 for work that failed; 2 for wrong usage; 130 after Ctrl-C.
int run(int count, char** arguments);

}  // namespace mien::expressions
