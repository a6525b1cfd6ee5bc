// The emulated cp.async: copies to shared memory that a thread starts and later waits for.
//
// On a GPU such a copy arrives at any time between the two. Here its destination holds NaN from the start on, and the
// data arrive when the thread waits for their group, not before: a kernel that reads too early, waits for a group too
// few, or starts a copy into what others still read, computes NaN every time and not now and then.
#pragma once

#include <cstddef>
#include <vector>

namespace mien::kernels::emulated {

/// The copies of one thread.
class AsyncCopies {
 public:
  /// Copies `bytes` bytes (4, 8 or 16, aligned to as many), or zeros where `global` is null. Throws Error for another
  /// alignment, which a GPU answers with a fault.
  void start(void* shared, const void* global, std::size_t bytes);
  /// What was started since the last call is a group.
  void commit();
  /// All groups arrive but the `newest` that were committed last.
  void wait(std::size_t newest);

 private:
  struct Copy {
    void* shared;
    const void* global;
    std::size_t bytes;
  };
  std::vector<Copy> copies_;              // oldest first
  std::vector<std::size_t> group_sizes_;  // of the committed ones; what is left over has no group yet
  std::size_t grouped_ = 0;
};

}  // namespace mien::kernels::emulated
